import type { MouseEvent, ReactElement } from 'react';
import { useTranslation } from 'react-i18next';
import { useCan } from '../shared/api/session.ts';
import { goTo, type PageName, pageRights, pages, usePage } from '../shared/navigation/pages.ts';
import {
  BellIcon,
  GaugeIcon,
  GridIcon,
  PeopleIcon,
  QueueIcon,
  ReviewIcon,
  TableIcon,
  WandIcon,
} from '../shared/ui/icons.tsx';
import { useShownLink } from '../shared/ui/use-shown-link.ts';
import styles from './navigation.module.css';

/** Leads between the pages. */
export function Navigation(): ReactElement {
  const { t } = useTranslation();
  const current = usePage();
  const can = useCan();
  const entries = [
    { page: 'generate', words: t('navigation.generate'), icon: <WandIcon size={17} /> },
    { page: 'gallery', words: t('navigation.gallery'), icon: <GridIcon size={17} /> },
    { page: 'bulks', words: t('navigation.bulks'), icon: <TableIcon size={17} /> },
    { page: 'queue', words: t('navigation.queue'), icon: <QueueIcon size={17} /> },
    { page: 'review', words: t('navigation.review'), icon: <ReviewIcon size={17} /> },
    { page: 'operation', words: t('navigation.operation'), icon: <GaugeIcon size={17} /> },
    { page: 'administration', words: t('navigation.administration'), icon: <PeopleIcon size={17} /> },
    { page: 'alerts', words: t('navigation.alerts'), icon: <BellIcon size={17} /> },
  ] as const;
  const allowed = entries.filter(({ page }) => pageRights[page].some(can));
  // Who may what is known a moment after the first look.
  const row = useShownLink(`${current} ${allowed.length}`);
  return (
    <nav ref={row} className={styles.navigation} aria-label={t('navigation.title')}>
      {allowed.map(({ page, words, icon }) => (
        <a
          key={page}
          className={styles.link}
          href={pages[page]}
          aria-current={page === current ? 'page' : undefined}
          onClick={(event) => follow(event, page)}
        >
          {icon}
          {words}
        </a>
      ))}
    </nav>
  );
}

function follow(event: MouseEvent, page: PageName): void {
  // Another tab or window is the browser's affair.
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  goTo(page);
}
