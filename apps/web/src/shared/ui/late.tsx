import { Button, Loader } from '@mantine/core';
import { type ComponentType, createElement, type ReactElement, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { client } from '../api/client.ts';
import { FaultAlert } from './fault-alert.tsx';
import styles from './late.module.css';

/**
 * A part of the page whose code is fetched when it is first shown. While the server does not hand it out, it says why
 * and offers to try again; the rest of the page stays. A `hidden` part shows no sign of being fetched.
 */
export function late<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
  waiting: 'shown' | 'hidden' = 'shown',
): (props: Props) => ReactElement | null {
  let loaded: ComponentType<Props> | undefined;
  // biome-ignore lint/correctness/noComponentHookFactories: called once a part, outside of components
  return function Late(props: Props): ReactElement | null {
    const [part, setPart] = useState(() => loaded);
    const [trouble, setTrouble] = useState<Trouble>();
    const [tries, setTries] = useState(0);
    // biome-ignore lint/correctness/useExhaustiveDependencies: another try loads again
    useEffect(() => {
      if (loaded !== undefined) return;
      let isWanted = true;
      const tell = (found: Trouble | undefined): void => {
        if (isWanted) setTrouble(found);
      };
      load().then(
        (component) => {
          loaded = component;
          if (isWanted) setPart(() => component);
        },
        () => void findTrouble().then(tell),
      );
      return () => {
        isWanted = false;
      };
    }, [tries]);
    if (part !== undefined) return createElement(part, props);
    if (trouble !== undefined) {
      return <TroubleShown trouble={trouble} onRetry={() => setTries(tries + 1)} />;
    }
    return waiting === 'hidden' ? null : <Waiting />;
  };
}

/** Why code could not be fetched: what the server answers now, or nothing when it answers well. */
interface Trouble {
  readonly error?: unknown;
}

/** A server that answers but has not the file was given a new version of the page. */
async function findTrouble(): Promise<Trouble> {
  try {
    await client.getSystem();
    return {};
  } catch (error) {
    return { error };
  }
}

function TroubleShown(props: { readonly trouble: Trouble; readonly onRetry: () => void }): ReactElement {
  const { t } = useTranslation();
  const { trouble, onRetry } = props;
  if (trouble.error !== undefined) return <FaultAlert error={trouble.error} onRetry={onRetry} />;
  return (
    <div className={styles.newer} role="alert">
      <p>{t('app.newVersion')}</p>
      <p>{t('app.newVersionHelp')}</p>
      <Button onClick={() => globalThis.location.reload()}>{t('app.reload')}</Button>
    </div>
  );
}

function Waiting(): ReactElement {
  const { t } = useTranslation();
  return <Loader className={styles.loading ?? ''} aria-label={t('app.loading')} />;
}
