import {
  FieldConfigOptionsRegistry,
  ThresholdsMode,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  identityOverrideProcessor,
  numberOverrideProcessor,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
  type FieldConfigPropertyItem,
  type FieldConfigSource,
  type ThresholdsConfig,
} from '@grafana/data';
import {
  AxisPlacement,
  GraphDrawStyle,
  GraphThresholdsStyleMode,
  LineInterpolation,
  StackingMode,
  VisibilityMode,
} from '@grafana/schema';

import type { Panel } from './dashboard';

type Processor = FieldConfigPropertyItem['process'];

// Grafana itself keeps this list outside its packages.
const STANDARD: Record<string, Processor> = {
  displayName: displayNameOverrideProcessor as Processor,
  unit: unitOverrideProcessor as Processor,
  min: numberOverrideProcessor as Processor,
  max: numberOverrideProcessor as Processor,
  decimals: numberOverrideProcessor as Processor,
  fieldMinMax: identityOverrideProcessor,
  noValue: stringOverrideProcessor as Processor,
  color: identityOverrideProcessor,
  thresholds: thresholdsOverrideProcessor as Processor,
  mappings: valueMappingsOverrideProcessor as Processor,
  links: dataLinksOverrideProcessor as Processor,
  description: stringOverrideProcessor as Processor,
};

// What every panel starts with.
const THRESHOLDS: ThresholdsConfig = {
  mode: ThresholdsMode.Absolute,
  steps: [
    { value: -Infinity, color: 'green' },
    { value: 80, color: 'red' },
  ],
};

// What the time series panel starts with where a dashboard says nothing.
const TIMESERIES = {
  drawStyle: GraphDrawStyle.Line,
  lineInterpolation: LineInterpolation.Linear,
  lineWidth: 1,
  fillOpacity: 0,
  showPoints: VisibilityMode.Auto,
  pointSize: 5,
  spanNulls: false,
  axisPlacement: AxisPlacement.Auto,
  axisGridShow: true,
  stacking: { mode: StackingMode.None, group: 'A' },
  thresholdsStyle: { mode: GraphThresholdsStyleMode.Off },
  hideFrom: { legend: false, tooltip: false, viz: false },
};

/** The dashboard's own configuration over what its kind of panel starts with. */
export function fieldConfig(panel: Panel): FieldConfigSource {
  const own = panel.fieldConfig ?? { defaults: {}, overrides: [] };
  const start = panel.type === 'timeseries' ? TIMESERIES : {};
  const color = own.defaults.color ?? {
    mode: panel.type === 'timeseries' ? 'palette-classic' : 'thresholds',
  };
  const custom = { ...start, ...own.defaults.custom };
  const defaults = { thresholds: THRESHOLDS, ...own.defaults, color, custom };
  return { overrides: own.overrides ?? [], defaults };
}

/** The properties that the defaults and overrides of a panel may set. */
export function fieldRegistry(panel: Panel): FieldConfigOptionsRegistry {
  const { defaults, overrides } = fieldConfig(panel);
  const ids = overrides.flatMap(({ properties }) => properties.map((property) => property.id));
  const custom = new Set([
    ...Object.keys(defaults.custom ?? {}),
    ...ids.filter((id) => id.startsWith('custom.')).map((id) => id.slice('custom.'.length)),
  ]);
  const items = [
    ...Object.entries(STANDARD).map(([path, process]) => property(path, path, process)),
    ...[...custom].map((path) => property(`custom.${path}`, path, identityOverrideProcessor)),
  ];
  return new FieldConfigOptionsRegistry(() => items);
}

function property(id: string, path: string, process: Processor): FieldConfigPropertyItem {
  return {
    id,
    path,
    name: id,
    isCustom: id !== path,
    process,
    override: () => null,
    editor: () => null,
    shouldApply: () => true,
  };
}
