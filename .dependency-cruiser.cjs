/** Layer rules of the repository; ARCHITECTURE.md draws the same arrows. @type {import('dependency-cruiser').IConfiguration} */
const test = '\\.(test|contract)\\.tsx?$';

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'domain-is-pure',
      comment: 'The domain imports only the domain: no package, no node: module.',
      severity: 'error',
      from: { path: '^apps/server/src/domain/', pathNot: test },
      to: { pathNot: '^apps/server/src/domain/' },
    },
    {
      name: 'application-knows-no-adapter',
      severity: 'error',
      from: { path: '^apps/server/src/application/', pathNot: test },
      to: { pathNot: '^apps/server/src/(domain|application)/' },
    },
    {
      name: 'adapters-are-siblings',
      comment: 'An adapter folder never imports another adapter folder, nor main.',
      severity: 'error',
      from: { path: '^apps/server/src/adapters/([^/]+)/', pathNot: test },
      to: { path: '^apps/server/src/(adapters|main)/', pathNot: '^apps/server/src/adapters/$1/' },
    },
    {
      name: 'main-is-the-root',
      severity: 'error',
      from: {
        path: '^(apps|packages)/',
        pathNot: ['^apps/server/src/(main/|(index|administration|backup|loras|provenance)\\.ts$)', test],
      },
      to: { path: '^apps/server/src/main/' },
    },
    {
      name: 'onnx-stands-alone',
      severity: 'error',
      from: { path: '^packages/onnx/src/', pathNot: test },
      to: { pathNot: '^(packages/onnx/src/|node:|fs$|path$)', dependencyTypesNot: ['core'] },
    },
    {
      name: 'diffusion-imports-only-onnx',
      severity: 'error',
      from: { path: '^packages/diffusion/' },
      to: { path: '^(packages|apps)/', pathNot: '^packages/(diffusion|onnx)/' },
    },
    {
      name: 'api-is-browser-safe',
      severity: 'error',
      from: { path: '^packages/api/src/', pathNot: test },
      to: { pathNot: '^(packages/api/src/|node_modules/zod/)' },
    },
    {
      name: 'web-imports-only-api',
      severity: 'error',
      from: { path: '^apps/web/src/' },
      to: { path: '^(packages|apps)/', pathNot: '^(packages/api/|apps/web/src/)' },
    },
    {
      name: 'web-features-are-siblings',
      severity: 'error',
      from: { path: '^apps/web/src/features/([^/]+)/' },
      to: { path: '^apps/web/src/features/', pathNot: '^apps/web/src/features/$1/' },
    },
    {
      name: 'cli-uses-public-entries',
      severity: 'error',
      from: { path: '^apps/cli/src/' },
      to: {
        path: '^apps/server/src/',
        pathNot: '^apps/server/src/(index|engine|models|administration|backup|loras|simulation|provenance)\\.ts$',
      },
    },
    {
      name: 'one-importer-of-onnxruntime',
      severity: 'error',
      from: { path: '^(packages|apps)/', pathNot: ['^packages/diffusion/src/onnxruntime/', test] },
      to: { path: 'node_modules/onnxruntime-node' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|coverage)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.cjs', '.json'],
    },
  },
};
