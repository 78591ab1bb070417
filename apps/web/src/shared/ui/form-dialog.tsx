import { Button } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';
import { Dialog } from './dialog.tsx';
import { FaultAlert } from './fault-alert.tsx';
import styles from './form-dialog.module.css';

interface FormDialogProps {
  readonly title: string;
  /** Words of the button that sends. */
  readonly action: string;
  readonly children: ReactNode;
  /** Why the last try failed. What was typed stays. */
  readonly error: unknown;
  readonly isSending: boolean;
  readonly isDangerous?: boolean;
  readonly isDisabled?: boolean;
  readonly onSend: () => void;
  readonly onClose: () => void;
}

/** A form over the page, which stays open with what was typed until the server has taken it. */
export function FormDialog(props: FormDialogProps): ReactElement {
  const { title, action, children, error, isSending, isDangerous, isDisabled, onSend, onClose } = props;
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        className={styles.form}
        aria-label={title}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!isSending && isDisabled !== true) onSend();
        }}
      >
        {children}
        {error !== null && error !== undefined && <FaultAlert error={error} onRetry={onSend} />}
        <Button
          type="submit"
          disabled={isDisabled === true}
          color={isDangerous === true ? 'red' : 'spruce'}
          data-sending={isSending || undefined}
        >
          {action}
        </Button>
      </form>
    </Dialog>
  );
}
