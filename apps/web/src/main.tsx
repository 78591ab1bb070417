import './app/mantine.css';
import './app/theme.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/app.tsx';
import { CrashBoundary } from './app/crash-screen.tsx';
import { Providers } from './app/providers.tsx';
import { startI18n } from './shared/i18n/i18n.ts';

await startI18n();
const root = document.querySelector('#root');
if (root === null) throw new Error('index.html has no element #root');
createRoot(root).render(
  <StrictMode>
    <Providers>
      <CrashBoundary>
        <App />
      </CrashBoundary>
    </Providers>
  </StrictMode>,
);
