import {
  type KeyboardEvent,
  type PointerEvent,
  type ReactElement,
  type RefObject,
  useLayoutEffect,
  useState,
} from 'react';
import { useTranslation } from 'react-i18next';
import { pictureUrl } from '../../../shared/api/picture-url.ts';
import styles from './mask-canvas.module.css';
import { paint } from './paint.ts';
import { act, extend, type MaskHistory, type Point } from './strokes.ts';

interface MaskCanvasProps {
  readonly ref: RefObject<HTMLCanvasElement | null>;
  readonly imageId: string;
  readonly size: { readonly width: number; readonly height: number };
  readonly base: HTMLCanvasElement | undefined;
  readonly history: MaskHistory;
  readonly brush: { readonly size: number; readonly erases: boolean };
  readonly onChange: (change: (history: MaskHistory) => MaskHistory) => void;
}

/** The picture with the mask over it. Arrows lead the brush, with Shift by larger steps; space and Enter put it down. */
export function MaskCanvas(props: MaskCanvasProps): ReactElement {
  const { ref, imageId, size, base, history, brush, onChange } = props;
  const { t } = useTranslation();
  const [tip, setTip] = useState<Point>({ x: size.width / 2, y: size.height / 2 });
  const [isTipShown, setIsTipShown] = useState(false);
  useLayoutEffect(() => {
    if (ref.current !== null) paint(ref.current, history.done, { colour, base });
  }, [ref, history.done, base]);

  const begin = (point: Point): void =>
    onChange((known) => act(known, { kind: 'stroke', erases: brush.erases, size: brush.size, points: [point] }));
  const press = (event: KeyboardEvent): void => {
    const move = moves[event.key];
    if (move !== undefined) {
      const reach = brush.size * (event.shiftKey ? 2 : 0.5);
      setTip(({ x, y }) => inside({ x: x + move.x * reach, y: y + move.y * reach }, size));
      setIsTipShown(true);
    } else if (event.key === ' ' || event.key === 'Enter') begin(tip);
    else return;
    event.preventDefault();
  };
  return (
    // biome-ignore-start lint/a11y/noNoninteractiveTabindex: it is painted on by keys
    <div
      className={styles.picture}
      style={frameOf(size)}
      role="application"
      aria-label={t('mask.canvas')}
      tabIndex={0}
      onKeyDown={press}
      onFocus={({ target }) => setIsTipShown(target.matches(':focus-visible'))}
      onBlur={() => setIsTipShown(false)}
    >
      <img className={styles.layer} src={pictureUrl({ id: imageId })} alt="" draggable={false} />
      <canvas
        ref={ref}
        className={styles.mask}
        width={size.width}
        height={size.height}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          begin(placeOf(event, size));
        }}
        onPointerMove={(event) => {
          setTip(placeOf(event, size));
          setIsTipShown(event.pointerType !== 'touch');
          if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
          const point = placeOf(event, size);
          onChange((known) => extend(known, point));
        }}
        onPointerLeave={() => setIsTipShown(false)}
      />
      {isTipShown && <span className={styles.tip} style={tipOf(tip, brush.size, size)} />}
    </div>
    // biome-ignore-end lint/a11y/noNoninteractiveTabindex: it is painted on by keys
  );
}

function placeOf(event: PointerEvent, size: { width: number; height: number }): Point {
  const box = event.currentTarget.getBoundingClientRect();
  return {
    x: ((event.clientX - box.left) / box.width) * size.width,
    y: ((event.clientY - box.top) / box.height) * size.height,
  };
}

function inside({ x, y }: Point, { width, height }: { width: number; height: number }): Point {
  return { x: Math.min(width, Math.max(0, x)), y: Math.min(height, Math.max(0, y)) };
}

/** As large as the stage allows, in the shape of the picture. */
function frameOf({ width, height }: { width: number; height: number }) {
  return { aspectRatio: `${width} / ${height}`, width: `min(100cqw, 100cqh * ${width / height})` };
}

function tipOf({ x, y }: Point, brush: number, { width, height }: { width: number; height: number }) {
  return { left: `${(x / width) * 100}%`, top: `${(y / height) * 100}%`, width: `${(brush / width) * 100}%` };
}

const moves: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

const colour = '#ff3d7f';
