/** Dark or light: what the system prefers, unless the user chose one here. */
import { type Signal, signal } from '@preact/signals';

export type Theme = 'light' | 'dark';

const KEY = 'cotp-inspector-theme';
const system = matchMedia('(prefers-color-scheme: dark)');

export const theme: Signal<Theme> = signal(chosen() ?? preferred());

/** Follows the system, and shows the theme. */
export function followTheme(): void {
  system.addEventListener('change', () => {
    theme.value = chosen() ?? preferred();
  });
  theme.subscribe((value) => {
    document.documentElement.setAttribute('data-theme', value);
  });
}

/** The other theme. A choice that is what the system prefers is no choice any more. */
export function toggleTheme(): void {
  theme.value = theme.value === 'dark' ? 'light' : 'dark';
  try {
    if (theme.value === preferred()) {
      localStorage.removeItem(KEY);
    } else {
      localStorage.setItem(KEY, theme.value);
    }
  } catch {
    // A browser may forbid storage; then the choice lasts as long as the page.
  }
}

function preferred(): Theme {
  return system.matches ? 'dark' : 'light';
}

function chosen(): Theme | undefined {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : undefined;
  } catch {
    return undefined;
  }
}
