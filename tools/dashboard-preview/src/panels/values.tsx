import {
  VizOrientation,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  type DisplayValueAlignmentFactors,
  type FieldDisplay,
} from '@grafana/data';
import { BigValueTextMode } from '@grafana/schema';
import { BarGauge, BigValue, VizRepeater, type VizRepeaterRenderValueProps } from '@grafana/ui';

import { interpolateForPeople } from '../variables';
import type { VizProps } from './viz';

type Cell = VizRepeaterRenderValueProps<FieldDisplay, DisplayValueAlignmentFactors>;

function displayValues({ panel, data, scene }: VizProps): FieldDisplay[] {
  const graph = panel.options?.graphMode ?? 'none';
  return getFieldDisplayValues({
    data: data.frames,
    fieldConfig: data.fieldConfig,
    reduceOptions: panel.options?.reduceOptions ?? { calcs: ['lastNotNull'] },
    replaceVariables: (text, scoped) => interpolateForPeople(text, scene.choices, scoped),
    sparkline: panel.type === 'stat' && graph !== 'none',
    theme: scene.theme,
    timeZone: scene.timeZone,
  });
}

function alignment(values: FieldDisplay[]): DisplayValueAlignmentFactors {
  return getDisplayValueAlignmentFactors(values);
}

export function Stat(props: VizProps) {
  const { panel, data, scene, width, height } = props;
  const options = panel.options ?? {};
  const cell = ({ value, alignmentFactors, count, width, height }: Cell) => (
    <BigValue
      value={value.display}
      sparkline={value.sparkline && { ...value.sparkline, timeRange: scene.range }}
      count={count}
      colorMode={options.colorMode ?? 'value'}
      graphMode={options.graphMode ?? 'none'}
      justifyMode={options.justifyMode ?? 'auto'}
      textMode={options.textMode ?? BigValueTextMode.Auto}
      text={options.text}
      disableWideLayout={options.wideLayout === false}
      alignmentFactors={alignmentFactors}
      width={width}
      height={height}
      theme={scene.theme}
    />
  );
  return (
    <VizRepeater
      getValues={() => displayValues(props)}
      getAlignmentFactors={alignment}
      renderValue={cell}
      width={width}
      height={height}
      source={data}
      itemSpacing={3}
      renderCounter={0}
      autoGrid
      orientation={options.orientation || VizOrientation.Auto}
    />
  );
}

export function Bars(props: VizProps) {
  const { panel, data, scene, width, height } = props;
  const options = panel.options ?? {};
  const cell = ({ value, alignmentFactors, orientation, width, height, count }: Cell) => (
    <BarGauge
      value={value.display}
      field={value.field}
      display={value.view?.getFieldDisplayProcessor(value.colIndex ?? 0)}
      text={options.text}
      orientation={orientation}
      displayMode={options.displayMode ?? 'gradient'}
      valueDisplayMode={options.valueMode}
      namePlacement={options.namePlacement}
      showUnfilled={options.showUnfilled ?? true}
      itemSpacing={10}
      lcdCellWidth={12}
      alignmentFactors={count > 1 ? alignmentFactors : undefined}
      isOverflow={false}
      width={width}
      height={height}
      theme={scene.theme}
    />
  );
  return (
    <VizRepeater
      getValues={() => displayValues(props)}
      getAlignmentFactors={alignment}
      renderValue={cell}
      width={width}
      height={height}
      source={data}
      itemSpacing={10}
      renderCounter={0}
      minVizWidth={options.minVizWidth ?? 8}
      minVizHeight={options.minVizHeight ?? 16}
      maxVizHeight={options.maxVizHeight ?? 300}
      orientation={options.orientation || VizOrientation.Auto}
    />
  );
}
