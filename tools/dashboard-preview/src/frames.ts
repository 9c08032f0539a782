import { FieldType, type DataFrame, type Field } from '@grafana/data';

import type { Target } from './dashboard';
import type { Sample, Series } from './prometheus';

/** One frame a series, named by the legend, as Grafana's data source makes them. */
export function seriesFrames(series: Series[], target: Target, stepSeconds: number): DataFrame[] {
  return series.map(({ metric, values }) => {
    const name = legend(metric, target.legendFormat);
    const times = values.map(([time]) => time * 1000);
    const time = field('Time', FieldType.time, times);
    // Tells the panel where points are missing.
    time.config.interval = stepSeconds * 1000;
    const value = field('Value', FieldType.number, values.map(([, text]) => number(text)));
    value.labels = metric;
    value.config.displayNameFromDS = name;
    return { refId: target.refId, name, fields: [time, value], length: times.length };
  });
}

/** All samples in one frame: a column a label. */
export function tableFrame(samples: Sample[], target: Target, alone: boolean): DataFrame[] {
  if (samples.length === 0) {
    return [];
  }
  const labels = [...new Set(samples.flatMap(({ metric }) => Object.keys(metric)))].sort();
  const columns = labels.map((label) =>
    field(label, FieldType.string, samples.map(({ metric }) => metric[label] ?? '')),
  );
  const time = field('Time', FieldType.time, samples.map(({ value }) => value[0] * 1000));
  const name = alone ? 'Value' : `Value #${target.refId}`;
  const value = field(name, FieldType.number, samples.map((one) => number(one.value[1])));
  return [{ refId: target.refId, fields: [time, ...columns, value], length: samples.length }];
}

function field(name: string, type: FieldType, values: unknown[]): Field {
  return { name, type, values, config: {} };
}

function number(text: string): number {
  return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
}

function legend(metric: Record<string, string>, format: string | undefined): string {
  if (format && format !== '__auto') {
    return format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, label: string) => metric[label] ?? '');
  }
  const { __name__: name = '', ...labels } = metric;
  const pairs = Object.entries(labels);
  if (format === '__auto' && pairs.length === 1) {
    return pairs[0][1];
  }
  const inside = pairs.map(([label, value]) => `${label}="${value}"`).join(', ');
  return inside ? `${name}{${inside}}` : name || 'Value';
}
