import { renderMarkdown, type DataFrame } from '@grafana/data';
import { PanelChrome } from '@grafana/ui';
import { useEffect, useState, type ComponentType } from 'react';

import type { Mark } from './annotations';
import type { Panel } from './dashboard';
import { loadPanel, type PanelData, type Scene } from './panel-data';
import { Chart } from './panels/chart';
import { Grid } from './panels/grid';
import { Bars, Stat } from './panels/values';
import type { VizProps } from './panels/viz';
import { interpolateForPeople } from './variables';

const KINDS: Record<string, ComponentType<VizProps>> = {
  stat: Stat,
  bargauge: Bars,
  timeseries: Chart,
  table: Grid,
};

/** How a panel came out; `empty` names one that has nothing to show. */
export interface Outcome {
  panel: string;
  error?: string;
  empty?: boolean;
}

interface Props {
  panel: Panel;
  scene: Scene;
  marks: Mark[];
  width: number;
  height: number;
  onDone: (outcome: Outcome) => void;
}

export function PanelView({ panel, scene, marks, width, height, onDone }: Props) {
  const [data, setData] = useState<PanelData>();
  const [error, setError] = useState<string>();
  const title = interpolateForPeople(panel.title ?? '', scene.choices);
  const description = interpolateForPeople(panel.description ?? '', scene.choices);

  useEffect(() => {
    const name = title || `panel ${panel.id}`;
    loadPanel(panel, scene, width).then(
      (loaded) => {
        setData(loaded);
        onDone({ panel: name, empty: panel.type !== 'text' && isEmpty(loaded.frames) });
      },
      (reason: Error) => {
        setError(reason.message);
        onDone({ panel: name, error: reason.message });
      },
    );
  }, [panel, scene]);

  return (
    <PanelChrome
      title={title}
      description={description}
      width={width}
      height={height}
      padding={panel.type === 'table' ? 'none' : 'md'}
      displayMode={panel.transparent ? 'transparent' : 'default'}
      statusMessage={error}
      hoverHeader={title === ''}
    >
      {(width, height) =>
        data ? <Content {...{ panel, data, scene, marks, width, height }} /> : null
      }
    </PanelChrome>
  );
}

function Content(props: VizProps) {
  const { panel, data } = props;
  if (panel.type === 'text') {
    const html = renderMarkdown(panel.options?.content ?? '');
    return <div className="markdown-html" dangerouslySetInnerHTML={{ __html: html }} />;
  }
  const Kind = KINDS[panel.type];
  if (!Kind) {
    return <Message text={`The preview has no panel of the kind "${panel.type}"`} />;
  }
  if (panel.type !== 'stat' && isEmpty(data.frames)) {
    return <Message text={data.fieldConfig.defaults.noValue ?? 'No data'} />;
  }
  return <Kind {...props} />;
}

function isEmpty(frames: DataFrame[]): boolean {
  return frames.every((frame) => frame.length === 0);
}

function Message({ text }: { text: string }) {
  return <div className="message">{text}</div>;
}
