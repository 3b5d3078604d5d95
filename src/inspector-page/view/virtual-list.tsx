/** A list of any length that has only the lines in sight in the document. All lines have the same height. */
import type { ComponentChildren, TargetedKeyboardEvent } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** Lines beyond each edge, so that slow scrolling shows no gaps. */
const MARGIN = 8;

interface Props {
  readonly id: string;
  readonly label: string;
  readonly length: number;
  /** Pixels. */
  readonly lineHeight: number;
  /** The selected line; -1 for none. It is scrolled into sight when it changes. */
  readonly selected: number;
  /** Changes when another line is selected, although its number may be the same. */
  readonly selectedKey: unknown;
  readonly follows: boolean;
  readonly onFollow: (follows: boolean) => void;
  /** Lines dropped at the start, in all. */
  readonly trimmed?: number;
  readonly onKey?: (event: TargetedKeyboardEvent<HTMLDivElement>) => void;
  readonly line: (line: number) => ComponentChildren;
}

export function VirtualList(props: Props) {
  const { id, label, length, lineHeight, selected } = props;
  const box = useRef<HTMLDivElement>(null);
  const { view, onScroll } = useView(props, box);
  const { first, numbers } = inSight(view, length, lineHeight);
  return (
    <div
      ref={box}
      class="list"
      id={id}
      role="listbox"
      aria-label={label}
      aria-activedescendant={selected >= 0 ? `${id}-${selected}` : undefined}
      tabIndex={0}
      onScroll={onScroll}
      onKeyDown={props.onKey}
    >
      <div class="list-all" role="presentation" style={{ height: `${length * lineHeight}px` }}>
        <div
          class="list-seen"
          role="presentation"
          style={{ transform: `translateY(${first * lineHeight}px)` }}
        >
          {numbers.map(props.line)}
        </div>
      </div>
    </div>
  );
}

type Box = { readonly current: HTMLDivElement | null };

/** What is in sight, and what scrolling does to following. */
function useView(props: Props, box: Box) {
  const { lineHeight, selected, follows } = props;
  const [view, setView] = useState({ top: 0, height: 600 });
  const placed = useRef(0);
  useHeight(box, setView);
  usePlace(props, box, (top) => {
    if (box.current !== null) {
      box.current.scrollTop = top;
      placed.current = box.current.scrollTop;
      setView({ top: placed.current, height: box.current.clientHeight });
    }
  });
  const onScroll = () => {
    const { scrollTop, clientHeight, scrollHeight } = box.current ?? NO_BOX;
    setView({ top: scrollTop, height: clientHeight });
    const isAtEnd = scrollTop + clientHeight >= scrollHeight - lineHeight / 2;
    const isUp = scrollTop < placed.current - lineHeight / 2;
    placed.current = scrollTop;
    if (follows ? isUp && !isAtEnd : isAtEnd && selected < 0) {
      props.onFollow(!follows);
    }
  };
  return { view, onScroll };
}

/** The lines in sight, and some beyond each edge. */
function inSight(view: { top: number; height: number }, length: number, lineHeight: number) {
  const first = Math.max(0, Math.floor(view.top / lineHeight) - MARGIN);
  const last = Math.min(length, Math.ceil((view.top + view.height) / lineHeight) + MARGIN);
  const count = Math.max(0, last - first);
  return { first, numbers: Array.from({ length: count }, (_, index) => first + index) };
}

const NO_BOX = { scrollTop: 0, clientHeight: 0, scrollHeight: 0 };

/** Follows the height of the box. */
function useHeight(box: Box, setView: (view: { top: number; height: number }) => void): void {
  useEffect(() => {
    const { current } = box;
    if (current === null) {
      return undefined;
    }
    const observer = new ResizeObserver(() => {
      setView({ top: current.scrollTop, height: current.clientHeight });
    });
    observer.observe(current);
    return () => observer.disconnect();
  }, [box, setView]);
}

/** Scrolls to the end while following, to a newly selected line, and with lines that were dropped. */
function usePlace(
  { length, lineHeight, selected, selectedKey, follows, trimmed = 0 }: Props,
  box: Box,
  place: (top: number) => void,
): void {
  const shown = useRef<unknown>(undefined);
  const cut = useRef(trimmed);
  useLayoutEffect(() => {
    const { scrollTop, clientHeight } = box.current ?? NO_BOX;
    const dropped = Math.max(0, trimmed - cut.current);
    cut.current = trimmed;
    if (follows) {
      const end = length * lineHeight - clientHeight;
      if (end > 0 && Math.abs(end - scrollTop) >= 1) {
        place(end);
      }
    } else if (dropped > 0) {
      place(Math.max(0, scrollTop - dropped * lineHeight));
    }
    if (selectedKey !== shown.current) {
      shown.current = selectedKey;
      const top = selected * lineHeight;
      if (selected >= 0 && top < scrollTop) {
        place(top);
      } else if (selected >= 0 && top + lineHeight > scrollTop + clientHeight) {
        place(top + lineHeight - clientHeight);
      }
    }
  });
}
