import type { TimeRange } from '@grafana/data';

import type { Annotation } from './dashboard';
import { builtIns, queryRange, stepSeconds, type Series } from './prometheus';
import { interpolate, type Choices } from './variables';

/** A time span that is marked in every chart, in milliseconds; `to` equals `from` at a moment. */
export interface Mark {
  from: number;
  to: number;
  color: string;
}

export async function loadMarks(
  list: Annotation[],
  range: TimeRange,
  choices: Choices,
  scrapeSeconds: number,
): Promise<Mark[]> {
  const wanted = list.filter((one) => one.enable !== false && (one.expr ?? one.target?.expr));
  const step = stepSeconds(range, 200, scrapeSeconds);
  const marks = wanted.map(async (annotation) => {
    const own = builtIns(range, step, scrapeSeconds);
    const query = interpolate(annotation.expr ?? annotation.target?.expr ?? '', choices, own);
    const series = await queryRange(query, range, step);
    return series.flatMap((one) => marksOf(one, annotation, step));
  });
  const from = range.from.valueOf();
  return (await Promise.all(marks)).flat().filter((mark) => mark.to >= from);
}

function marksOf(series: Series, annotation: Annotation, step: number): Mark[] {
  const color = annotation.iconColor ?? 'rgba(0, 211, 255, 1)';
  const true_ = series.values.filter(([, value]) => Number(value) > 0);
  if (annotation.useValueForTime === true || annotation.useValueForTime === 'on') {
    const times = [...new Set(true_.map(([, value]) => Number(value)))];
    return times.map((time) => ({ from: time, to: time, color }));
  }
  const marks: Mark[] = [];
  for (const [time] of true_) {
    const last = marks.at(-1);
    if (last && time * 1000 - last.to <= step * 1000) {
      last.to = time * 1000;
    } else {
      marks.push({ from: time * 1000, to: time * 1000, color });
    }
  }
  return marks;
}
