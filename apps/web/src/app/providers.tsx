import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { type ReactElement, type ReactNode, useState } from 'react';
import { MessagesProvider } from '../shared/ui/live-region.tsx';
import { theme } from './theme.ts';

const colorSchemeManager = localStorageColorSchemeManager({ key: 'imagemill.theme' });

export function Providers({ children }: { readonly children: ReactNode }): ReactElement {
  const [queries] = useState(
    () =>
      new QueryClient({
        // The queries say themselves how soon they ask again. "Online" is about the internet, which a server on this
        // machine does not need.
        defaultOptions: { queries: { retry: false, networkMode: 'always' }, mutations: { networkMode: 'always' } },
      }),
  );
  return (
    // Mantine's variables come from theme.css: the page allows no style element that a script makes.
    <MantineProvider
      theme={theme}
      defaultColorScheme="auto"
      colorSchemeManager={colorSchemeManager}
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <QueryClientProvider client={queries}>
        <MessagesProvider>{children}</MessagesProvider>
      </QueryClientProvider>
    </MantineProvider>
  );
}
