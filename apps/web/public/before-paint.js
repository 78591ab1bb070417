// Sets theme and language before the first paint. A file of its own, because the page allows no inline script.
(() => {
  const read = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const theme = read('imagemill.theme');
  const isDark = theme === 'dark' || (theme !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);
  const language = read('imagemill.language') ?? navigator.language;
  const root = document.documentElement;
  root.setAttribute('data-mantine-color-scheme', isDark ? 'dark' : 'light');
  root.lang = /^zh/i.test(language) ? 'zh-CN' : 'en';
})();
