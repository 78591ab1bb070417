import type { ReactElement, ReactNode } from 'react';

/** Icons are decoration: the control around them carries the words. */
function Icon({ children, size = 18 }: { readonly children: ReactNode; readonly size?: number }): ReactElement {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={1.8}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

interface IconProps {
  readonly size?: number;
}

export function DiceIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <rect x="4" y="4" width="16" height="16" rx="4" />
      <path d="M9 9h.01M15 9h.01M12 12h.01M9 15h.01M15 15h.01" strokeWidth={2.4} />
    </Icon>
  );
}

export function LockIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <rect x="5" y="11" width="14" height="9" rx="2.5" />
      <path d="M8 11V8a4 4 0 0 1 8 0v3" />
    </Icon>
  );
}

export function OpenLockIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <rect x="5" y="11" width="14" height="9" rx="2.5" />
      <path d="M8 11V7.5a4 4 0 0 1 7.6-1.7" />
    </Icon>
  );
}

export function SwapIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <path d="M4 9h14M14 5l4 4-4 4M20 16H6M10 12l-4 4 4 4" />
    </Icon>
  );
}

export function DownloadIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <path d="M12 4v11M7.5 11 12 15.5 16.5 11M5 20h14" />
    </Icon>
  );
}

export function CopyIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <rect x="9" y="9" width="11" height="11" rx="2.5" />
      <path d="M15 6V5.5A2.5 2.5 0 0 0 12.5 3h-6A2.5 2.5 0 0 0 4 5.5v6A2.5 2.5 0 0 0 6.5 14" />
    </Icon>
  );
}

export function ReuseIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <path d="M4 12a8 8 0 0 1 13.7-5.6L20 8.5M20 4v4.5h-4.5M20 12a8 8 0 0 1-13.7 5.6L4 15.5M4 20v-4.5h4.5" />
    </Icon>
  );
}

export function CloseIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <path d="m6 6 12 12M18 6 6 18" />
    </Icon>
  );
}

export function PlusIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <path d="M12 5v14M5 12h14" />
    </Icon>
  );
}

export function PreviousIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <path d="m14.5 5-7 7 7 7" />
    </Icon>
  );
}

export function NextIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <path d="m9.5 5 7 7-7 7" />
    </Icon>
  );
}

export function SunIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <circle cx="12" cy="12" r="4" />
      <path d="M12 3v1.5M12 19.5V21M3 12h1.5M19.5 12H21M5.6 5.6l1.1 1.1M17.3 17.3l1.1 1.1M5.6 18.4l1.1-1.1M17.3 6.7l1.1-1.1" />
    </Icon>
  );
}

export function MoonIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z" />
    </Icon>
  );
}

export function AlertIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M12 7.5v5M12 16h.01" strokeWidth={2} />
    </Icon>
  );
}

export function ClockIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <circle cx="12" cy="12" r="8.5" />
      <path d="M12 7.5V12l3 2" />
    </Icon>
  );
}

export function WandIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <path d="M5 19 15.5 8.5M14 4v3M20 10h-3M18.5 5.5l-1.5 1.5M6 5v4M4 7h4" />
    </Icon>
  );
}

export function GridIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <rect x="4" y="4" width="7" height="7" rx="2" />
      <rect x="13" y="4" width="7" height="7" rx="2" />
      <rect x="4" y="13" width="7" height="7" rx="2" />
      <rect x="13" y="13" width="7" height="7" rx="2" />
    </Icon>
  );
}

export function StarIcon({ isFilled, ...props }: IconProps & { readonly isFilled: boolean }): ReactElement {
  return (
    <Icon {...props}>
      <path
        d="m12 3.5 2.6 5.4 5.9.8-4.3 4.1 1 5.9-5.2-2.8-5.2 2.8 1-5.9-4.3-4.1 5.9-.8z"
        fill={isFilled ? 'currentColor' : 'none'}
      />
    </Icon>
  );
}

export function KeysIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <rect x="3" y="6" width="18" height="12" rx="2.5" />
      <path d="M7 10h.01M11 10h.01M15 10h.01M8 14h8" />
    </Icon>
  );
}

export function TableIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <rect x="4" y="5" width="16" height="14" rx="2.5" />
      <path d="M4 10h16M4 14.5h16M10 10v9" />
    </Icon>
  );
}

export function ReviewIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <path d="M4 5h16v14H4zM8 12l3 3 5-6" />
    </Icon>
  );
}

export function QueueIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <path d="M4 7h16M4 12h16M4 17h9" />
    </Icon>
  );
}

export function BellIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <path d="M6 16.5h12l-1.5-2.5v-4a4.5 4.5 0 0 0-9 0v4zM10.5 19.5h3" />
    </Icon>
  );
}

export function GaugeIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <path d="M4.5 17a8.5 8.5 0 1 1 15 0M12 14l3.5-4.5" />
    </Icon>
  );
}

export function PersonIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <circle cx="12" cy="8.5" r="3.5" />
      <path d="M5 19.5a7 7 0 0 1 14 0" />
    </Icon>
  );
}

export function PictureIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <rect x="4" y="5" width="16" height="14" rx="2.5" />
      <path d="m6 17 4-4.5 3 3 2-2 3 3.5M9 9.5h.01" />
    </Icon>
  );
}

export function BrushIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <path d="M19.5 4.5 11 13M8.5 13.5a3 3 0 0 1 3 3c0 2-1.6 3-3.5 3H4.5c1.2-.8 1-1.6 1-3a3 3 0 0 1 3-3z" />
    </Icon>
  );
}

export function PeopleIcon(props: IconProps): ReactElement {
  return (
    <Icon {...props}>
      <circle cx="9" cy="8.5" r="3" />
      <path d="M3.5 19a5.5 5.5 0 0 1 11 0M15.5 5.8a3 3 0 0 1 0 5.4M17 14.4a5.5 5.5 0 0 1 3.5 4.6" />
    </Icon>
  );
}

/** The sails of a mill: the mark of the page. */
export function Mark({ size = 28 }: IconProps): ReactElement {
  const sail = 'M16 15V6c5 0 8.4 3.6 8.4 9z';
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="9" fill="var(--mantine-color-spruce-filled)" />
      <g fill="#fff">
        <path d={sail} />
        <path d={sail} transform="rotate(90 16 16)" opacity={0.72} />
        <path d={sail} transform="rotate(180 16 16)" />
        <path d={sail} transform="rotate(270 16 16)" opacity={0.72} />
      </g>
    </svg>
  );
}
