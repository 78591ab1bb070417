import { createContext, type ReactElement, type ReactNode, useCallback, useContext, useMemo, useState } from 'react';
import styles from './live-region.module.css';

interface Messages {
  /** Tells screen readers what happened; nothing is shown. */
  announce(text: string): void;
  /** Shows a short note for some seconds and tells screen readers. */
  notify(text: string): void;
}

const MessagesContext = createContext<Messages>({ announce: () => undefined, notify: () => undefined });

export function useMessages(): Messages {
  return useContext(MessagesContext);
}

interface Note {
  readonly id: number;
  readonly text: string;
}

const noteDurationMs = 3_500;

export function MessagesProvider({ children }: { readonly children: ReactNode }): ReactElement {
  const [announcement, setAnnouncement] = useState<Note>({ id: 0, text: '' });
  const [note, setNote] = useState<Note>();

  const announce = useCallback((text: string) => setAnnouncement(({ id }) => ({ id: id + 1, text })), []);
  const notify = useCallback((text: string) => {
    const id = performance.now();
    setNote({ id, text });
    setTimeout(() => setNote((current) => (current?.id === id ? undefined : current)), noteDurationMs);
  }, []);
  const messages = useMemo(() => ({ announce, notify }), [announce, notify]);

  return (
    <MessagesContext value={messages}>
      {children}
      <div className={styles.hidden} role="log" aria-live="polite" aria-relevant="additions">
        {/* A new element for each message: the same words twice are said twice. */}
        <p key={announcement.id}>{announcement.text}</p>
      </div>
      <div className={styles.notes} role="status">
        {note !== undefined && (
          <p key={note.id} className={styles.note}>
            {note.text}
          </p>
        )}
      </div>
    </MessagesContext>
  );
}
