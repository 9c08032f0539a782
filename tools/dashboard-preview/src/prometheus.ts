import { rangeUtil, type TimeRange } from '@grafana/data';

/** A series as the HTTP API of Prometheus sends it. */
export interface Series {
  metric: Record<string, string>;
  values: Array<[number, string]>;
}

export interface Sample {
  metric: Record<string, string>;
  value: [number, string];
}

interface Answer<T> {
  status: string;
  error?: string;
  data: T;
}

async function ask<T>(path: string, parameters: Record<string, string>): Promise<T> {
  const response = await fetch(`/api/v1/${path}?${new URLSearchParams(parameters)}`);
  const answer = (await response.json()) as Answer<T>;
  if (answer.status !== 'success') {
    throw new Error(`Prometheus: ${answer.error ?? response.statusText}`);
  }
  return answer.data;
}

export async function queryOnce(query: string, time?: number): Promise<Sample[]> {
  const at: Record<string, string> = time === undefined ? {} : { time: String(time) };
  const data = await ask<{ resultType: string; result: Sample[] }>('query', { query, ...at });
  // A scalar is one sample without labels.
  const scalar = data.resultType === 'scalar';
  return scalar ? [{ metric: {}, value: data.result as unknown as [number, string] }] : data.result;
}

export async function queryRange(query: string, range: TimeRange, step: number): Promise<Series[]> {
  // Aligned to the step as Grafana does it, so that a reload draws the same points again.
  const start = Math.floor(range.from.unix() / step) * step;
  const end = Math.floor(range.to.unix() / step) * step;
  const data = await ask<{ result: Series[] }>('query_range', {
    query,
    start: String(start),
    end: String(end),
    step: String(step),
  });
  return data.result;
}

export async function labelValues(selector: string | undefined, label: string): Promise<string[]> {
  const match: Record<string, string> = selector ? { 'match[]': selector } : {};
  return ask<string[]>(`label/${label}/values`, match);
}

/** Seconds between two points of a panel so wide. */
export function stepSeconds(range: TimeRange, points: number, leastSeconds: number): number {
  const { intervalMs } = rangeUtil.calculateInterval(range, points, `${leastSeconds}s`);
  return Math.max(1, Math.round(intervalMs / 1000));
}

/** Grafana's own variables for a query with that step. */
export function builtIns(range: TimeRange, step: number, scrapeSeconds: number): Record<string, string> {
  const length = Math.round((range.to.valueOf() - range.from.valueOf()) / 1000);
  const rate = Math.max(step + scrapeSeconds, 4 * scrapeSeconds);
  return {
    __interval: `${step}s`,
    __interval_ms: String(step * 1000),
    __range: `${length}s`,
    __range_s: String(length),
    __rate_interval: `${rate}s`,
  };
}
