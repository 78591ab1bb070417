import { Button } from '@mantine/core';
import { type ReactElement, useRef } from 'react';
import styles from './file-picker.module.css';
import { PlusIcon } from './icons.tsx';

interface FilePickerProps {
  /** Name of the field. */
  readonly label: string;
  /** On the button. */
  readonly words: string;
  readonly accept: string;
  readonly isBusy: boolean;
  readonly onPick: (file: File) => void;
  readonly variant?: 'subtle' | 'default';
}

/** A button that asks for one file. */
export function FilePicker(props: FilePickerProps): ReactElement {
  const { label, words, accept, isBusy, onPick, variant = 'subtle' } = props;
  const field = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={field}
        className={styles.file}
        type="file"
        accept={accept}
        aria-label={label}
        tabIndex={-1}
        onChange={({ currentTarget }) => {
          const picked = currentTarget.files?.[0];
          currentTarget.value = '';
          if (picked !== undefined) onPick(picked);
        }}
      />
      <Button
        className={styles.button ?? ''}
        variant={variant}
        color="gray"
        size={variant === 'subtle' ? 'compact-sm' : 'sm'}
        leftSection={<PlusIcon size={14} />}
        disabled={isBusy}
        onClick={() => field.current?.click()}
      >
        {words}
      </Button>
    </>
  );
}
