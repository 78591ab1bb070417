import { NumberInput } from '@mantine/core';
import { type ReactElement, type ReactNode, useState } from 'react';

interface NumberFieldProps {
  readonly label: string;
  /** The value in force; shown whenever the reader is not typing. */
  readonly value: number | undefined;
  readonly min: number;
  readonly max: number;
  readonly step?: number;
  readonly isDecimal?: boolean;
  readonly placeholder?: string;
  readonly buttons?: ReactNode;
  readonly hideSteppers?: boolean;
  readonly describedBy?: string;
  /** Every number typed, before it is made to fit. */
  readonly onChange: (value: number | undefined) => void;
  /** The reader has left the field. */
  readonly onLeave?: () => void;
}

/** A number that may be empty or out of range while it is typed, and shows the value in force afterwards. */
export function NumberField(props: NumberFieldProps): ReactElement {
  const { label, value, min, max, step = 1, isDecimal = false, onChange, onLeave } = props;
  const [typed, setTyped] = useState<number | string>();
  return (
    <NumberInput
      label={label}
      value={typed ?? value ?? ''}
      min={min}
      max={max}
      step={step}
      allowDecimal={isDecimal}
      allowNegative={min < 0}
      clampBehavior="none"
      placeholder={props.placeholder ?? ''}
      rightSection={props.buttons}
      rightSectionWidth={props.buttons === undefined ? 24 : 76}
      hideControls={props.hideSteppers ?? false}
      aria-describedby={props.describedBy}
      onFocus={() => setTyped(value ?? '')}
      onChange={(next) => {
        setTyped((current) => (current === undefined ? current : next));
        if (typeof next === 'number') onChange(next);
        else if (next === '') onChange(undefined);
      }}
      onBlur={() => {
        setTyped(undefined);
        onLeave?.();
      }}
    />
  );
}
