import { ActionIcon } from '@mantine/core';
import { type CSSProperties, type ReactElement, type ReactNode, useRef, useState } from 'react';
import styles from './icon-button.module.css';

interface IconButtonProps {
  /** Said by screen readers and shown while the button is pointed at. */
  readonly label: string;
  readonly children: ReactNode;
  readonly onClick: () => void;
  readonly size?: number;
  readonly variant?: 'default' | 'subtle' | 'light';
  readonly isPressed?: boolean;
  readonly isDisabled?: boolean;
}

/** A button with an icon instead of words. */
export function IconButton(props: IconButtonProps): ReactElement {
  const { label, children, onClick, size = 36, variant = 'subtle', isPressed, isDisabled = false } = props;
  const button = useRef<HTMLButtonElement>(null);
  const [place, setPlace] = useState<CSSProperties>();
  const hide = (): void => setPlace(undefined);
  const show = (): void => {
    if (button.current !== null) setPlace(placeOf(button.current.getBoundingClientRect()));
  };
  return (
    <span className={styles.frame}>
      <ActionIcon
        ref={button}
        onPointerEnter={({ pointerType }) => pointerType !== 'touch' && show()}
        onPointerLeave={hide}
        onFocus={({ target }) => target.matches(':focus-visible') && show()}
        onBlur={hide}
        aria-label={label}
        aria-pressed={isPressed}
        disabled={isDisabled}
        onClick={onClick}
        size={size}
        variant={isPressed === true ? 'light' : variant}
        color={variant === 'subtle' && isPressed !== true ? 'gray' : 'spruce'}
        type="button"
      >
        {children}
      </ActionIcon>
      {place !== undefined && (
        <span className={styles.tip} style={place} aria-hidden="true">
          {label}
        </span>
      )}
    </span>
  );
}

/** Below the button, above it at the foot of the window, and inside the window to both sides. */
function placeOf({ left, width, top, bottom }: DOMRect): CSSProperties {
  const middle = left + width / 2;
  const sideways = middle < edge ? { left: gap } : middle > innerWidth - edge ? { right: gap } : { left: middle };
  const isCentred = middle >= edge && middle <= innerWidth - edge;
  const isLow = bottom > innerHeight - edge / 2;
  return {
    ...sideways,
    ...(isLow ? { bottom: innerHeight - top + gap } : { top: bottom + gap }),
    ...(isCentred ? { transform: 'translateX(-50%)' } : {}),
  };
}

/** Pixels between the button, its words and the edge of the window. */
const gap = 6;
/** Nearer than this to the side of the window, the words stand at the side. */
const edge = 120;
