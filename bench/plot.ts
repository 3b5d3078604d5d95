/**
 * `npm run bench:plot`: draws the results of `--sweep --json`. The same JSON always gives the same picture.
 *
 * usage: node plot.js FROM.json TO.svg
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { sizeName } from './cases.js';
import type { Machine } from './machine.js';
import { HOW_TO_INSTALL, requirePeer } from './peers.js';
import type { Point, Series, Sweep } from './sweep.js';

/** The part of the API of Apache ECharts that is used. Only this file loads it. */
interface Echarts {
  init(
    element: null,
    theme: null,
    how: { renderer: 'svg'; ssr: true; width: number; height: number },
  ): { setOption(option: object): void; renderToSVGString(): string; dispose(): void };
}

type Report = Sweep & { readonly machine: Machine };

const WIDTH = 1_080;
const HEIGHT = 600;

/** The left edge and the width of each panel. */
const PANELS = [104, 626] as const;
const PANEL_WIDTH = 420;
const PANEL_TOP = 150;
const PANEL_HEIGHT = 350;

/** Without quotation marks, which would end the attribute that contains it. */
const FONT = 'Helvetica, Arial, sans-serif';
const INK = '#1f2328';
const FAINT = '#d8dee4';

/** Colour (from the colour-blind safe palette of Okabe and Ito), mark and line of each contestant. */
const STYLES = [
  { color: '#57606a', symbol: 'triangle', line: 'dashed' },
  { color: '#0072b2', symbol: 'circle', line: 'solid' },
  { color: '#009e73', symbol: 'diamond', line: 'solid' },
  { color: '#d55e00', symbol: 'rect', line: 'solid' },
  { color: '#cc79a7', symbol: 'pin', line: 'solid' },
];

function main(): void {
  const [from, to] = process.argv.slice(2);
  if (from === undefined || to === undefined) {
    throw new TypeError('usage: node plot.js FROM.json TO.svg');
  }
  const report = JSON.parse(readFileSync(from, 'utf8')) as Report;
  writeFileSync(to, `${draw(echarts(), report)}\n`);
}

function echarts(): Echarts {
  try {
    return requirePeer('echarts') as Echarts;
  } catch (cause) {
    throw new Error(`echarts draws the plot; \`${HOW_TO_INSTALL}\` installs it`, { cause });
  }
}

function draw(library: Echarts, report: Report): string {
  const chart = library.init(null, null, {
    ...{ renderer: 'svg', ssr: true },
    ...{ width: WIDTH, height: HEIGHT },
  });
  chart.setOption(option(report));
  const svg = chart.renderToSVGString();
  // Its timer would keep the process alive.
  chart.dispose();
  return svg;
}

function option(report: Report): object {
  const { machine, runs, series } = report;
  const where = `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB; ${machine.system}`;
  return {
    animation: false,
    // Opaque, so that it is readable on a dark page too.
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: FONT, color: INK },
    title: [
      {
        text: 'cotp beside node:net: one connection, one direction, by size of a TSDU',
        subtext: `${where}; Node ${machine.node}; ${machine.date}; loopback, both ends in one process; medians of ${runs} runs`,
        ...{ left: 'center', top: 12, itemGap: 8 },
        textStyle: { fontSize: 19, color: INK },
        subtextStyle: { fontSize: 13, color: INK },
      },
      panelTitle('Messages per second', 0),
      panelTitle('Throughput', 1),
    ],
    legend: {
      top: 72,
      itemGap: 24,
      selectedMode: false,
      itemWidth: 34,
      textStyle: { fontSize: 13, color: INK },
      data: series.map(label),
    },
    grid: PANELS.map((left) => ({
      ...{ left, width: PANEL_WIDTH },
      ...{ top: PANEL_TOP, height: PANEL_HEIGHT },
    })),
    xAxis: PANELS.map((_left, i) => sizeAxis(i, series)),
    yAxis: [
      { ...axis(0, 'messages/s'), type: 'log', logBase: 10, nameGap: 80 },
      { ...axis(1, 'MB/s of user data'), type: 'value', min: 0, nameGap: 50 },
    ],
    series: PANELS.flatMap((_left, panel) =>
      series.map((each, i) => line(each, STYLES[i % STYLES.length], panel)),
    ),
    graphic: missing(series).map((text, i) => ({
      ...{ type: 'text', left: 'center', top: HEIGHT - 34 + i * 18 },
      style: { text, fill: INK, font: `13px ${FONT}` },
    })),
  };
}

function label({ name, tpduSize }: Series): string {
  return tpduSize === 0 ? name : `${name}, TPDUs of ${tpduSize.toLocaleString('en')} octets`;
}

function panelTitle(text: string, panel: 0 | 1): object {
  const left = PANELS[panel] + PANEL_WIDTH / 2;
  const textStyle = { fontSize: 15, color: INK };
  return { text, left, top: PANEL_TOP - 40, textAlign: 'center', textStyle };
}

/** Every size has a tick: each is four times the one before. */
function sizeAxis(panel: number, series: readonly Series[]): object {
  const sizes = series.flatMap(({ points }) => points.map(({ size }) => size));
  return {
    ...axis(panel, 'octets of a TSDU (1K is 1,024)'),
    ...{ type: 'log', logBase: 4, nameGap: 32 },
    ...{ min: Math.min(...sizes), max: Math.max(...sizes) },
    axisLabel: { fontSize: 13, color: INK, hideOverlap: false, formatter: sizeName },
  };
}

function axis(gridIndex: number, name: string): object {
  return {
    ...{ gridIndex, name, nameLocation: 'middle' },
    nameTextStyle: { fontSize: 13, color: INK },
    axisLine: { show: true, onZero: false, lineStyle: { color: INK } },
    axisTick: { show: true, lineStyle: { color: INK } },
    axisLabel: {
      ...{ fontSize: 13, color: INK },
      formatter: (value: number) => value.toLocaleString('en'),
    },
    splitLine: { show: true, lineStyle: { color: FAINT } },
  };
}

function line(series: Series, style: (typeof STYLES)[number] | undefined, panel: number): object {
  const value = (point: Point) =>
    panel === 0 ? point.messagesPerSecond : point.megabytesPerSecond;
  return {
    ...{ type: 'line', name: label(series), xAxisIndex: panel, yAxisIndex: panel },
    data: series.points.map((point) => [point.size, value(point)]),
    ...{ symbol: style?.symbol, symbolSize: 9, color: style?.color },
    lineStyle: { width: 2.5, type: style?.line, color: style?.color },
    silent: true,
    // A gap means that it did not run; the line below the panels says why.
    connectNulls: false,
  };
}

/** Which contestants stopped at which sizes, before or after the first run, and why. */
function missing(series: readonly Series[]): string[] {
  return series.flatMap(({ name, points }) => {
    const reasons = new Set(points.flatMap(({ reason }) => reason ?? []));
    return [...reasons].map((reason) => {
      const stopped = points.filter((point) => point.reason === reason);
      const none = stopped.filter(({ messagesPerSecond }) => messagesPerSecond === null);
      const fewer = stopped.filter(({ messagesPerSecond }) => messagesPerSecond !== null);
      const parts = [...at('no run', none), ...at('fewer runs', fewer)];
      return `${name}, ${parts.join(', ')}: ${reason}`;
    });
  });
}

function at(what: string, points: readonly Point[]): string[] {
  const sizes = points.map(({ size }) => sizeName(size));
  return sizes.length > 0 ? [`${what} at ${sizes.join(', ')}`] : [];
}

main();
