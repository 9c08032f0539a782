import { TableCellHeight } from '@grafana/schema';
import { TableNG } from '@grafana/ui/unstable';

import type { VizProps } from './viz';

/** The table panel; of several frames it shows the first, as Grafana does. */
export function Grid({ panel, data, scene, width, height }: VizProps) {
  const options = panel.options ?? {};
  return (
    <TableNG
      data={data.frames[0]}
      width={width}
      height={height}
      noHeader={options.showHeader === false}
      showTypeIcons={options.showTypeIcons}
      resizable
      initialSortBy={options.sortBy}
      cellHeight={options.cellHeight ?? TableCellHeight.Sm}
      enablePagination={options.enablePagination ?? options.footer?.enablePagination}
      frozenColumns={options.frozenColumns?.left}
      fieldConfig={data.fieldConfig}
      timeRange={scene.range}
      structureRev={1}
      transparent={panel.transparent}
    />
  );
}
