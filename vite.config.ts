import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** Builds the web console into `dist/console`, which src/http/console.ts serves. */
export default defineConfig({
  root: 'src/console',
  base: '/console/',
  plugins: [react()],
  build: {
    outDir: '../../dist/console',
    emptyOutDir: true,
    target: 'es2022',
    // The page's policy allows nothing inline: neither data URLs nor an injected script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
})
