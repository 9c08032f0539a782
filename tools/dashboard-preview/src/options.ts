import { dateTime, type TimeRange } from '@grafana/data';

/** What the address of the page asks for. */
export interface Options {
  /** Path below the folder of the dashboards, such as `en/overview.json`; undefined lists them. */
  file?: string;
  theme: 'dark' | 'light';
  /** A Prometheus duration such as `15m`; undefined takes the dashboard's own range. */
  last?: string;
  /** Seconds since the epoch at which the range ends; undefined is now. */
  to?: number;
  /** The scrape interval in seconds, which Grafana reads from the data source's settings. */
  scrapeSeconds: number;
  /** Whether collapsed rows are shown open. */
  expandRows: boolean;
  variables: Map<string, string[]>;
}

export function readOptions(search: string): Options {
  const given = new URLSearchParams(search);
  const variables = new Map<string, string[]>();
  for (const [key, value] of given) {
    if (key.startsWith('var-')) {
      const name = key.slice('var-'.length);
      variables.set(name, [...(variables.get(name) ?? []), value]);
    }
  }
  return {
    file: given.get('d') ?? undefined,
    theme: given.get('theme') === 'light' ? 'light' : 'dark',
    last: given.get('last') ?? undefined,
    to: given.has('to') ? Number(given.get('to')) : undefined,
    scrapeSeconds: Number(given.get('scrape') ?? 15),
    expandRows: given.get('rows') === 'open',
    variables,
  };
}

const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

/** Seconds of `15m`, `now-6h` and their like. */
export function seconds(text: string): number {
  const found = /^(?:now-)?(\d+)([smhdw])$/.exec(text);
  if (!found) {
    throw new Error(`expected a duration such as 15m or now-6h, got "${text}"`);
  }
  return Number(found[1]) * SECONDS[found[2]];
}

export function timeRange(lengthSeconds: number, endSeconds: number): TimeRange {
  const from = dateTime((endSeconds - lengthSeconds) * 1000);
  const to = dateTime(endSeconds * 1000);
  return { from, to, raw: { from, to } };
}
