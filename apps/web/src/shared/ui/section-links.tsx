import type { ReactElement } from 'react';
import { goToPath } from '../navigation/pages.ts';
import styles from './section-links.module.css';
import { useShownLink } from './use-shown-link.ts';

interface SectionLinksProps {
  readonly label: string;
  readonly current: string;
  readonly sections: readonly { readonly path: string; readonly words: string }[];
}

/** Leads between the parts of a page. */
export function SectionLinks({ label, current, sections }: SectionLinksProps): ReactElement {
  const row = useShownLink(current);
  return (
    <nav ref={row} className={styles.links} aria-label={label}>
      {sections.map(({ path, words }) => (
        <a
          key={path}
          className={styles.link}
          href={path}
          aria-current={path === current ? 'page' : undefined}
          onClick={(event) => {
            // Another tab or window is the browser's affair.
            if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
            event.preventDefault();
            goToPath(path);
          }}
        >
          {words}
        </a>
      ))}
    </nav>
  );
}
