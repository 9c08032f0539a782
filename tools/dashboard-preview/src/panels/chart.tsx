import { FieldType, type DataFrame } from '@grafana/data';
import type { VizLegendOptions } from '@grafana/schema';
import { TimeSeries, type UPlotConfigBuilder } from '@grafana/ui';
import { useLayoutEffect } from 'react';
import type uPlot from 'uplot';

import type { Mark } from '../annotations';
import type { VizProps } from './viz';

const NO_LEGEND = { showLegend: false, displayMode: 'list', placement: 'bottom', calcs: [] };

export function Chart({ panel, data, scene, marks, width, height }: VizProps) {
  const legend = { ...NO_LEGEND, ...panel.options?.legend } as VizLegendOptions;
  return (
    <TimeSeries
      frames={graphable(data.frames)}
      structureRev={1}
      width={width}
      height={height}
      timeRange={scene.range}
      timeZone={scene.timeZone}
      legend={legend}
      options={panel.options}
    >
      {(builder) => <Marks builder={builder} marks={marks} />}
    </TimeSeries>
  );
}

function graphable(frames: DataFrame[]): DataFrame[] {
  return frames.filter((frame) => frame.fields.some((field) => field.type === FieldType.number));
}

/** Draws annotations into the chart: a dashed line, and a bar below the axis for a time span. */
function Marks({ builder, marks }: { builder: UPlotConfigBuilder; marks: Mark[] }) {
  useLayoutEffect(() => {
    builder.addHook('draw', (plot: uPlot) => {
      for (const mark of marks) {
        draw(plot, mark);
      }
    });
  }, [builder, marks]);
  return null;
}

function draw(plot: uPlot, { from, to, color }: Mark): void {
  const { ctx, bbox } = plot;
  const limit = (time: number) =>
    Math.min(Math.max(plot.valToPos(time, 'x', true), bbox.left), bbox.left + bbox.width);
  const [left, right] = [limit(from), limit(to)];
  const bottom = bbox.top + bbox.height;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.fillStyle = color;
  ctx.lineWidth = 1;
  ctx.setLineDash([5, 5]);
  for (const edge of new Set([left, right])) {
    ctx.beginPath();
    ctx.moveTo(edge, bbox.top);
    ctx.lineTo(edge, bottom);
    ctx.stroke();
  }
  if (right > left) {
    ctx.globalAlpha = 0.1;
    ctx.fillRect(left, bbox.top, right - left, bbox.height);
    ctx.globalAlpha = 1;
    ctx.fillRect(left, bottom, right - left, 5);
  } else {
    ctx.beginPath();
    ctx.moveTo(left, bottom);
    ctx.lineTo(left - 5, bottom + 6);
    ctx.lineTo(left + 5, bottom + 6);
    ctx.fill();
  }
  ctx.restore();
}
