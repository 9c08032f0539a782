import { createReadStream, existsSync, readdirSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname, join, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const here = dirname(fileURLToPath(import.meta.url));
const dashboards = resolve(process.env.PREVIEW_DASHBOARDS || join(here, '../../grafana/dashboards'));
const icons = join(here, 'node_modules/@grafana/ui/dist/public/img/icons');

// Read at each request, so that a dashboard that is made anew shows at the next reload.
function answer(request: IncomingMessage, response: ServerResponse, next: () => void): void {
  const path = decodeURIComponent(new URL(request.url ?? '/', 'http://preview').pathname);
  if (path === '/dashboards') {
    const names = readdirSync(dashboards, { recursive: true, encoding: 'utf8' });
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify(names.filter((name) => name.endsWith('.json')).sort()));
    return;
  }
  const file =
    inside(dashboards, path, '/dashboards/', '.json') ??
    inside(icons, path, '/public/build/img/icons/', '.svg');
  if (file === undefined) {
    return next();
  }
  response.setHeader('Content-Type', file.endsWith('.svg') ? 'image/svg+xml' : 'application/json');
  createReadStream(file).pipe(response);
}

function inside(root: string, path: string, prefix: string, suffix: string): string | undefined {
  if (!path.startsWith(prefix) || !path.endsWith(suffix)) {
    return undefined;
  }
  const file = resolve(root, path.slice(prefix.length));
  return file.startsWith(root + sep) && existsSync(file) ? file : undefined;
}

const files: Plugin = {
  name: 'dashboards-and-icons',
  configureServer: (server) => void server.middlewares.use(answer),
  configurePreviewServer: (server) => void server.middlewares.use(answer),
};

const listen = {
  host: '127.0.0.1',
  port: Number(process.env.PREVIEW_PORT || 5173),
  strictPort: true,
  proxy: { '/api/v1': process.env.PREVIEW_PROMETHEUS || 'http://127.0.0.1:9090' },
};

export default defineConfig({
  root: here,
  plugins: [react(), files],
  server: listen,
  preview: listen,
  build: { chunkSizeWarningLimit: 20_000, sourcemap: false },
});
