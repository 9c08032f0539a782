import type { GrafanaTheme2 } from '@grafana/data';
import { Icon } from '@grafana/ui';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';

import { loadMarks, type Mark } from './annotations';
import { loadDashboard, type Dashboard } from './dashboard';
import { heightOf, layOut, type Place } from './layout';
import { seconds, timeRange, type Options } from './options';
import type { Scene } from './panel-data';
import { PanelView, type Outcome } from './panel-view';
import { Toolbar } from './toolbar';
import { choose, interpolateForPeople } from './variables';

const MARGIN = 16;

interface Loaded {
  dashboard: Dashboard;
  scene: Scene;
  marks: Mark[];
  lastSeconds: number;
}

async function load(options: Options, theme: GrafanaTheme2): Promise<Loaded> {
  const dashboard = await loadDashboard(options.file ?? '');
  const lastSeconds = seconds(options.last ?? dashboard.time?.from ?? '1h');
  const range = timeRange(lastSeconds, options.to ?? Math.floor(Date.now() / 1000));
  const choices = await choose(dashboard.templating?.list ?? [], options.variables);
  const { scrapeSeconds } = options;
  const list = dashboard.annotations?.list ?? [];
  const marks = await loadMarks(list, range, choices, scrapeSeconds);
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  return { dashboard, marks, lastSeconds, scene: { range, choices, scrapeSeconds, theme, timeZone } };
}

export function App({ options, theme }: { options: Options; theme: GrafanaTheme2 }) {
  const [loaded, setLoaded] = useState<Loaded>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    load(options, theme).then(setLoaded, (reason: Error) => {
      setError(reason.message);
      tell([{ panel: 'dashboard', error: reason.message }]);
    });
  }, [options, theme]);
  if (error) {
    return <div className="message">{error}</div>;
  }
  return loaded ? <Page loaded={loaded} options={options} /> : null;
}

function Page({ loaded, options }: { loaded: Loaded; options: Options }) {
  const { dashboard, scene, marks, lastSeconds } = loaded;
  const places = useMemo(
    () => layOut(dashboard.panels, window.innerWidth - 2 * MARGIN, options.expandRows),
    [dashboard, options],
  );
  const outcomes = useRef<Outcome[]>([]);
  const charts = places.filter(({ panel }) => panel.type !== 'row').length;
  const done = useCallback((outcome: Outcome) => {
    outcomes.current.push(outcome);
    if (outcomes.current.length === charts) {
      tell(outcomes.current);
    }
  }, []);
  const chinese = dashboard.uid.endsWith('-zh');
  useEffect(() => {
    document.title = dashboard.title;
    // Decides which forms of the characters the font takes.
    document.documentElement.lang = chinese ? 'zh-CN' : 'en';
  }, []);
  return (
    <>
      <Toolbar {...{ dashboard, lastSeconds, chinese }} choices={scene.choices} />
      <main style={{ height: heightOf(places), margin: `0 ${MARGIN}px ${MARGIN}px` }}>
        {places.map((place) => (
          <div className="place" style={position(place)} key={place.panel.id}>
            {place.panel.type === 'row' ? (
              <Row place={place} scene={scene} />
            ) : (
              <PanelView
                {...{ scene, marks, panel: place.panel, onDone: done }}
                width={place.width}
                height={place.height}
              />
            )}
          </div>
        ))}
      </main>
    </>
  );
}

function position({ left, top, width, height }: Place) {
  return { left, top, width, height };
}

function Row({ place: { panel }, scene }: { place: Place; scene: Scene }) {
  const inside = panel.panels?.length ?? 0;
  return (
    <div className="section">
      <Icon name={panel.collapsed ? 'angle-right' : 'angle-down'} />
      <span>{interpolateForPeople(panel.title ?? '', scene.choices)}</span>
      {panel.collapsed && inside > 0 && <small>({inside})</small>}
    </div>
  );
}

/** For who takes the picture: everything is there, and how each panel came out. */
async function tell(outcomes: Outcome[]): Promise<void> {
  await document.fonts.ready;
  // Two frames: what has come in is laid out, then painted.
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  document.documentElement.dataset.outcomes = JSON.stringify(outcomes);
}
