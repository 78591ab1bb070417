import { TextInput } from '@mantine/core';
import { type KeyboardEvent, type ReactElement, type ReactNode, useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useMessages } from './live-region.tsx';
import styles from './number-field.module.css';
import { cleanNumber, fitNumber, type NumberRules, parseNumber, steppedNumber } from './number-rules.ts';

interface NumberFieldProps extends NumberRules {
  readonly label: string;
  /** The value in force; shown whenever the reader is not typing. */
  readonly value: number | undefined;
  readonly placeholder?: string;
  readonly buttons?: ReactNode;
  readonly hideSteppers?: boolean;
  readonly describedBy?: string;
  /** Every number typed, before it is made to fit; and once more when it had to be. */
  readonly onChange: (value: number | undefined) => void;
  /** The reader has left the field. */
  readonly onLeave?: () => void;
}

/**
 * A number that may be empty or out of range while it is typed, and shows the value in force afterwards, with a word
 * where that is another one than was typed.
 */
export function NumberField(props: NumberFieldProps): ReactElement {
  const { label, value, hideSteppers = false, buttons, describedBy, onChange, onLeave } = props;
  const { min, max, step = 1, isDecimal = false } = props;
  const rules = { min, max, step, isDecimal };
  const { t } = useTranslation();
  const { announce } = useMessages();
  const noteId = useId();
  const [typed, setTyped] = useState<string>();
  const [moved, setMoved] = useState<{ readonly value: number; readonly note: string }>();

  const type = (text: string): void => {
    setTyped(text);
    setMoved(undefined);
    const number = parseNumber(text);
    if (text === '' || number !== undefined) onChange(number);
  };
  /** What was typed takes effect: by Enter, or because the reader has left. */
  const settle = (): void => {
    if (typed === undefined) return;
    setTyped(undefined);
    const number = parseNumber(typed);
    const fitting = number === undefined ? undefined : fitNumber(number, rules);
    if (fitting === undefined || fitting === number) return;
    onChange(fitting);
    const note = t(step > 1 ? 'numberField.movedToStep' : 'numberField.moved', { typed, min, max, step });
    setMoved({ value: fitting, note });
    announce(note);
  };
  const go = (direction: 1 | -1): void => {
    setTyped(undefined);
    setMoved(undefined);
    onChange(steppedNumber(value ?? parseNumber(props.placeholder ?? ''), direction, rules));
  };
  const press = (event: KeyboardEvent): void => {
    if (event.key === 'Enter') settle();
    if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return;
    event.preventDefault();
    go(event.key === 'ArrowUp' ? 1 : -1);
  };
  const note = moved !== undefined && moved.value === value ? moved.note : undefined;
  const described = [describedBy, note && noteId].filter(Boolean).join(' ');
  return (
    <div>
      <TextInput
        label={label}
        inputMode="decimal"
        autoComplete="off"
        value={typed ?? (value === undefined ? '' : String(value))}
        placeholder={props.placeholder ?? ''}
        rightSection={buttons ?? (hideSteppers ? undefined : <Steppers value={value} rules={rules} onStep={go} />)}
        rightSectionWidth={buttons === undefined ? 24 : 76}
        aria-describedby={described === '' ? undefined : described}
        onChange={({ currentTarget, nativeEvent }) => {
          // An input method that composes is not disturbed; what comes out of it is taken at its end.
          if ((nativeEvent as InputEvent).isComposing) setTyped(currentTarget.value);
          else type(cleanNumber(currentTarget.value, rules));
        }}
        onCompositionEnd={({ currentTarget }) => type(cleanNumber(currentTarget.value, rules))}
        onKeyDown={press}
        onBlur={() => {
          settle();
          onLeave?.();
        }}
      />
      {note !== undefined && (
        <p id={noteId} className={styles.note}>
          {note}
        </p>
      )}
    </div>
  );
}

interface SteppersProps {
  readonly value: number | undefined;
  readonly rules: NumberRules;
  readonly onStep: (direction: 1 | -1) => void;
}

/** For the pointer; the arrow keys do the same. */
function Steppers({ value, rules, onStep }: SteppersProps): ReactElement {
  const arrows = [
    { direction: 1, path: 'm3 8 4-4 4 4', isPossible: value === undefined || value < rules.max },
    { direction: -1, path: 'm3 5 4 4 4-4', isPossible: value === undefined || value > rules.min },
  ] as const;
  return (
    <span className={styles.steppers} aria-hidden="true">
      {arrows.map(({ direction, path, isPossible }) => (
        <button
          key={direction}
          type="button"
          tabIndex={-1}
          className={styles.stepper}
          disabled={!isPossible}
          // The field keeps the focus.
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => onStep(direction)}
        >
          <svg width="14" height="12" viewBox="0 0 14 12" fill="none" stroke="currentColor" aria-hidden="true">
            <path d={path} />
          </svg>
        </button>
      ))}
    </span>
  );
}
