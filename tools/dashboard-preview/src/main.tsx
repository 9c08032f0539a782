import '@fontsource-variable/inter';
import '@fontsource-variable/roboto-mono';
import './preview.css';

import { ThemeContext, createTheme, locationUtil } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { GlobalStyles } from '@grafana/ui';
import { createRoot } from 'react-dom/client';

import { App } from './app';
import { List } from './list';
import { readOptions } from './options';

const options = readOptions(window.location.search);
const theme = createTheme({
  colors: { mode: options.theme },
  // Names of their own: Grafana's styles define faces named Inter and Roboto Mono in files that
  // only its server has.
  typography: {
    fontFamily: '"Inter Variable", "Noto Sans CJK SC", "Helvetica", "Arial", sans-serif',
    fontFamilyMonospace: '"Roboto Mono Variable", monospace',
  },
});

locationUtil.initialize({
  config: { appSubUrl: '' } as never,
  getVariablesUrlParams: () => ({}),
  getTimeRangeForUrl: () => ({ from: 'now-1h', to: 'now' }),
});

async function start(): Promise<void> {
  await initPluginTranslations('grafana');
  // Charts measure and draw text on a canvas, which waits for no font.
  await Promise.all(['400 12px', '500 12px', '600 12px'].map((size) =>
    document.fonts.load(`${size} "Inter Variable"`),
  ));
  const { background, text } = theme.colors;
  document.body.style.background = background.canvas;
  document.body.style.color = text.primary;
  createRoot(document.getElementById('root')!).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      {options.file ? <App options={options} theme={theme} /> : <List />}
    </ThemeContext.Provider>,
  );
}

void start();
