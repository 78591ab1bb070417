import { ActionIcon, Tooltip } from '@mantine/core';
import type { ReactElement, ReactNode } from 'react';

interface IconButtonProps {
  /** Said by screen readers and shown as a tooltip. */
  readonly label: string;
  readonly children: ReactNode;
  readonly onClick: () => void;
  readonly size?: number;
  readonly variant?: 'default' | 'subtle' | 'light';
  readonly isPressed?: boolean;
}

/** A button with an icon instead of words. */
export function IconButton(props: IconButtonProps): ReactElement {
  const { label, children, onClick, size = 36, variant = 'subtle', isPressed } = props;
  return (
    <Tooltip label={label} events={{ hover: true, focus: true, touch: false }} openDelay={400}>
      <ActionIcon
        aria-label={label}
        aria-pressed={isPressed}
        onClick={onClick}
        size={size}
        variant={isPressed === true ? 'light' : variant}
        color={variant === 'subtle' && isPressed !== true ? 'gray' : 'spruce'}
        type="button"
      >
        {children}
      </ActionIcon>
    </Tooltip>
  );
}
