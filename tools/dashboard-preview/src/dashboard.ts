import type { FieldConfigSource, ReduceDataOptions, Threshold } from '@grafana/data';

/** The parts of a dashboard's JSON (schema 39 and later, classic) that the preview reads. */
export interface Dashboard {
  uid: string;
  title: string;
  time?: { from: string };
  panels: Panel[];
  links?: Array<{ title: string; type: string; tags?: string[] }>;
  templating?: { list: Variable[] };
  annotations?: { list: Annotation[] };
}

export interface Panel {
  id: number;
  type: string;
  title?: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: Target[];
  transformations?: Array<{ id: string; options: object; disabled?: boolean }>;
  fieldConfig?: FieldConfigSource;
  options?: PanelOptions;
  /** Fewest seconds between two points, as a duration. */
  interval?: string;
  maxDataPoints?: number;
  transparent?: boolean;
  repeat?: string;
  /** Of a row that is collapsed. */
  collapsed?: boolean;
  panels?: Panel[];
}

/** Each kind of panel reads its own keys of these. */
export type PanelOptions = { reduceOptions?: ReduceDataOptions } & Record<string, any>;

export interface Target {
  refId: string;
  expr: string;
  format?: 'time_series' | 'table' | 'heatmap';
  instant?: boolean;
  legendFormat?: string;
  interval?: string;
  hide?: boolean;
}

export interface Variable {
  name: string;
  type: string;
  label?: string;
  hide?: number;
  query?: string | { query?: string };
  regex?: string;
  allValue?: string | null;
  includeAll?: boolean;
  multi?: boolean;
  current?: { value?: string | string[]; text?: string | string[] };
}

export interface Annotation {
  name: string;
  enable?: boolean;
  hide?: boolean;
  iconColor?: string;
  expr?: string;
  target?: { expr?: string };
  useValueForTime?: boolean | string;
}

export async function loadDashboard(file: string): Promise<Dashboard> {
  const answer = await fetch(`/dashboards/${file}`);
  if (!answer.ok) {
    throw new Error(`${file} is not in the folder of the dashboards (PREVIEW_DASHBOARDS)`);
  }
  const dashboard = (await answer.json()) as Dashboard;
  for (const panel of allPanels(dashboard.panels)) {
    openFirstSteps(panel.fieldConfig);
  }
  return dashboard;
}

export function allPanels(panels: Panel[]): Panel[] {
  return panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
}

// JSON has no infinity: the first step of thresholds is null there, as Grafana itself reads it.
function openFirstSteps(config: FieldConfigSource | undefined): void {
  const own = config?.defaults?.thresholds?.steps ?? [];
  const properties = config?.overrides?.flatMap((override) => override.properties) ?? [];
  const others = properties.filter((property) => property.id === 'thresholds');
  for (const step of [...own, ...others.flatMap((one) => one.value.steps as Threshold[])]) {
    step.value ??= -Infinity;
  }
}
