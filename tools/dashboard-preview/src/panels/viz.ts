import type { PanelData, Scene } from '../panel-data';
import type { Mark } from '../annotations';
import type { Panel } from '../dashboard';

/** What every kind of panel draws from. */
export interface VizProps {
  panel: Panel;
  data: PanelData;
  scene: Scene;
  marks: Mark[];
  width: number;
  height: number;
}
