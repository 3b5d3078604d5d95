/** A component that is drawn again only if a property has changed: most lines of a list stay the same. */
import { Component, type ComponentChild, createElement } from 'preact';

export function memo<P extends object>(draw: (props: P) => ComponentChild) {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: Readonly<P>): boolean {
      const now = this.props as Readonly<Record<string, unknown>>;
      return Object.entries(next).some(([name, value]) => now[name] !== value);
    }

    override render(): ComponentChild {
      return draw(this.props as P);
    }
  }
  return (props: P) => createElement(Memo, props);
}
