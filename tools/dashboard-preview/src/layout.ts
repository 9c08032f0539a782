import type { Panel } from './dashboard';

// Grafana's grid: 24 columns, cells 30 pixels high, 8 pixels between them.
const COLUMNS = 24;
const CELL = 30;
const GAP = 8;

export interface Place {
  panel: Panel;
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Panels in pixels; with `expand`, collapsed rows are opened and push down what follows. */
export function layOut(panels: Panel[], width: number, expand: boolean): Place[] {
  const column = (width - GAP * (COLUMNS - 1)) / COLUMNS;
  return (expand ? opened(panels) : panels).map((panel) => {
    const { x, y, w, h } = panel.gridPos;
    return {
      panel,
      left: Math.round(x * (column + GAP)),
      top: y * (CELL + GAP),
      width: Math.round(w * (column + GAP) - GAP),
      height: h * (CELL + GAP) - GAP,
    };
  });
}

export function heightOf(places: Place[]): number {
  return Math.max(0, ...places.map((place) => place.top + place.height));
}

function opened(panels: Panel[]): Panel[] {
  let pushed = 0;
  const result: Panel[] = [];
  for (const panel of [...panels].sort((a, b) => a.gridPos.y - b.gridPos.y)) {
    const moved = move(panel, pushed);
    if (panel.type !== 'row' || !panel.panels?.length) {
      result.push(moved);
      continue;
    }
    // The panels of a collapsed row keep the place that they had when it was open.
    const first = Math.min(...panel.panels.map((inner) => inner.gridPos.y));
    const inside = panel.panels.map((inner) => move(inner, moved.gridPos.y + 1 - first));
    result.push({ ...moved, collapsed: false, panels: [] }, ...inside);
    pushed += Math.max(...inside.map(({ gridPos }) => gridPos.y + gridPos.h)) - moved.gridPos.y - 1;
  }
  return result;
}

function move(panel: Panel, by: number): Panel {
  return { ...panel, gridPos: { ...panel.gridPos, y: panel.gridPos.y + by } };
}
