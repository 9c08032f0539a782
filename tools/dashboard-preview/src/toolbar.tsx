import { Icon, ToolbarButton } from '@grafana/ui';

import type { Dashboard } from './dashboard';
import type { Choices } from './variables';

interface Props {
  dashboard: Dashboard;
  choices: Choices;
  lastSeconds: number;
  chinese: boolean;
}

/** Title, time range, variables and links, placed as Grafana places them. */
export function Toolbar({ dashboard, choices, lastSeconds, chinese }: Props) {
  const shown = [...choices.values()].filter((chosen) => chosen.shown);
  return (
    <header>
      <div className="bar">
        <span className="crumbs">
          {chinese ? '仪表板' : 'Dashboards'} <Icon name="angle-right" /> <b>{dashboard.title}</b>
        </span>
        <ToolbarButton icon="clock-nine" isOpen={false}>
          {rangeText(lastSeconds, chinese)}
        </ToolbarButton>
        <ToolbarButton icon="sync">{chinese ? '刷新' : 'Refresh'}</ToolbarButton>
      </div>
      <div className="bar variables">
        {shown.map((chosen) => (
          <span className="variable" key={chosen.label + chosen.text}>
            {chosen.label && <label>{chosen.label}</label>}
            <span className="choice">
              {chosen.text} <Icon name="angle-down" />
            </span>
          </span>
        ))}
        <span className="links">
          {(dashboard.links ?? []).map((link) => (
            <ToolbarButton key={link.title} icon="bars" variant="canvas">
              {link.title}
            </ToolbarButton>
          ))}
        </span>
      </div>
    </header>
  );
}

function rangeText(seconds: number, chinese: boolean): string {
  const hours = seconds / 3600;
  const minutes = seconds / 60;
  if (chinese) {
    return hours >= 1 ? `最近 ${hours} 小时` : `最近 ${minutes} 分钟`;
  }
  const [count, unit] = hours >= 1 ? [hours, 'hour'] : [minutes, 'minute'];
  return `Last ${count} ${unit}${count === 1 ? '' : 's'}`;
}
