import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
  type DataFrame,
  type FieldConfigSource,
  type GrafanaTheme2,
  type TimeRange,
} from '@grafana/data';
import { lastValueFrom } from 'rxjs';

import type { Panel, Target } from './dashboard';
import { fieldConfig, fieldRegistry } from './field-config';
import { seriesFrames, tableFrame } from './frames';
import { seconds } from './options';
import { builtIns, queryOnce, queryRange, stepSeconds } from './prometheus';
import { interpolate, interpolateForPeople, type Choices } from './variables';

/** What every panel of the page is queried with. */
export interface Scene {
  range: TimeRange;
  choices: Choices;
  scrapeSeconds: number;
  theme: GrafanaTheme2;
  timeZone: string;
}

export interface PanelData {
  frames: DataFrame[];
  fieldConfig: FieldConfigSource;
}

// Some stand there twice, under an old name too.
standardTransformersRegistry.setInit(() =>
  [...new Set(Object.values(standardTransformers))].map((transformation) => ({
    id: transformation.id,
    name: transformation.name,
    transformation,
    editor: () => null,
    imageDark: '',
    imageLight: '',
  })),
);

/** Queries, transforms and configures, in the order in which Grafana does it. */
export async function loadPanel(panel: Panel, scene: Scene, width: number): Promise<PanelData> {
  const targets = (panel.targets ?? []).filter((target) => !target.hide && target.expr);
  const answers = await Promise.all(
    targets.map((target) => run(target, panel, scene, width, targets.length === 1)),
  );
  const transformations = (panel.transformations ?? []).filter((one) => !one.disabled);
  const context = { interpolate: (text: string) => interpolate(text, scene.choices) };
  const transformed = await lastValueFrom(
    transformDataFrame(transformations, answers.flat(), context),
  );
  const config = fieldConfig(panel);
  const frames = applyFieldOverrides({
    data: transformed,
    fieldConfig: config,
    fieldConfigRegistry: fieldRegistry(panel),
    replaceVariables: (text, scoped) => interpolateForPeople(text, scene.choices, scoped),
    theme: scene.theme,
    timeZone: scene.timeZone,
  });
  cacheFieldDisplayNames(frames);
  return { frames, fieldConfig: config };
}

async function run(
  target: Target,
  panel: Panel,
  scene: Scene,
  width: number,
  alone: boolean,
): Promise<DataFrame[]> {
  const text = target.interval || panel.interval;
  const least = text && /^\d/.test(text) ? seconds(text) : scene.scrapeSeconds;
  const step = stepSeconds(scene.range, panel.maxDataPoints ?? Math.round(width), least);
  const own = builtIns(scene.range, step, scene.scrapeSeconds);
  const query = interpolate(target.expr, scene.choices, own);
  if (!target.instant) {
    return seriesFrames(await queryRange(query, scene.range, step), target, step);
  }
  const samples = await queryOnce(query, scene.range.to.unix());
  if (target.format === 'table') {
    return tableFrame(samples, target, alone);
  }
  const series = samples.map(({ metric, value }) => ({ metric, values: [value] }));
  return seriesFrames(series, target, step);
}
