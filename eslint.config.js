import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'
import { sizes } from './test/tidy/sizes.ts'

/** House rules that are a matter of which syntax is written at all. */
const noDefaultExport = {
  selector: 'ExportDefaultDeclaration, ExportSpecifier[exported.name="default"]',
  message: 'Export by name: a default export has a different name in every file.',
}
const erasableOnly = {
  selector: 'TSEnumDeclaration, TSModuleDeclaration[kind="namespace"], TSParameterProperty',
  message: 'Node runs the sources as they are, so only erasable syntax is possible.',
}
const functionAtTop = {
  selector:
    ':matches(Program, ExportNamedDeclaration) > VariableDeclaration > ' +
    'VariableDeclarator:not([id.typeAnnotation]) > ' +
    ':matches(ArrowFunctionExpression, FunctionExpression)',
  message: 'Write a function at the top level as `function`; a typed constant may be an arrow.',
}
/** explicit-module-boundary-types would also want types inside of tables that have one. */
const typedBoundary = {
  selector:
    'ExportNamedDeclaration > FunctionDeclaration:not([returnType]), ' +
    'ExportNamedDeclaration > ClassDeclaration > ClassBody > ' +
    'MethodDefinition[kind!="constructor"][kind!="set"][accessibility!="private"] > ' +
    'FunctionExpression:not([returnType])',
  message: 'Write the return type of what other files call.',
}

/** `process.env` in its usual forms; the tidy test knows the rest. */
const environment = {
  'no-restricted-properties': [
    'error',
    { object: 'process', property: 'env', message: 'Take it from config.ts, which reads it once.' },
  ],
}

/** Shape and type rules; what prettier lays out is left to it. */
const house = {
  '@typescript-eslint/consistent-type-exports': 'error',
  '@typescript-eslint/consistent-type-imports': 'error',
  '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
  '@typescript-eslint/no-import-type-side-effects': 'error',
  '@typescript-eslint/no-unnecessary-qualifier': 'error',
  '@typescript-eslint/prefer-for-of': 'error',
  '@typescript-eslint/prefer-nullish-coalescing': 'error',
  '@typescript-eslint/prefer-optional-chain': 'error',
  '@typescript-eslint/prefer-readonly': 'error',
  '@typescript-eslint/switch-exhaustiveness-check': [
    'error',
    { considerDefaultExhaustiveForUnions: true },
  ],
  // `_` at the front says that a parameter is there for its place only.
  '@typescript-eslint/no-unused-vars': [
    'error',
    { args: 'all', argsIgnorePattern: '^_', ignoreRestSiblings: true },
  ],
  '@typescript-eslint/restrict-template-expressions': [
    'error',
    { allowNumber: true, allowBoolean: true },
  ],
  '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
  // Spreading a string into code points is how Unicode's own algorithms read it.
  '@typescript-eslint/no-misused-spread': ['error', { allow: [{ from: 'lib', name: 'string' }] }],
  // An async function without await still turns a throw into a rejection, as an interface of
  // promises requires.
  '@typescript-eslint/require-await': 'off',
  eqeqeq: 'error',
  'no-console': 'error',
  'no-restricted-syntax': ['error', noDefaultExport, erasableOnly, functionAtTop, typedBoundary],
  'no-restricted-imports': [
    'error',
    { paths: [{ name: 'node:process', importNames: ['env', 'default'] }, { name: 'process' }] },
  ],
  'object-shorthand': 'error',
  'prefer-object-has-own': 'error',
  'prefer-template': 'error',
  'max-lines': ['error', sizes.fileLines],
  'max-lines-per-function': ['error', sizes.functionLines],
}

export default defineConfig(
  globalIgnores(['dist', 'coverage', '.caracal']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: { ...house, ...environment },
  },
  {
    files: ['src/config.ts', 'scripts/**', 'bench/**', 'test/**'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['src/cli/**', 'scripts/**', 'bench/**'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['tools/**', '**/*-table.ts'],
    rules: {
      'max-lines': ['error', sizes.tableLines],
      // The type of a schema is what zod infers from it: writing it out would say it twice.
      'no-restricted-syntax': ['error', noDefaultExport, erasableOnly, functionAtTop],
    },
  },
  {
    // Made by `npm run generate`: as long as the catalogue is.
    files: ['src/client/routes-table.ts'],
    rules: { 'max-lines': 'off' },
  },
  {
    files: ['test/**'],
    rules: {
      // The tidy test knows a suite from a function.
      'max-lines-per-function': 'off',
      // An answer read as JSON is `any`, and the expectation is its check.
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['*.config.{js,ts}'],
    rules: { 'no-restricted-syntax': ['error', erasableOnly, functionAtTop] },
  },
  {
    // Plain JavaScript is what runs before TypeScript can: it is in no tsconfig.
    files: ['**/*.{js,mjs}'],
    extends: [tseslint.configs.disableTypeChecked],
    rules: {
      'no-restricted-properties': 'off',
      '@typescript-eslint/consistent-type-exports': 'off',
      '@typescript-eslint/no-unnecessary-qualifier': 'off',
      '@typescript-eslint/prefer-nullish-coalescing': 'off',
      '@typescript-eslint/prefer-optional-chain': 'off',
      '@typescript-eslint/prefer-readonly': 'off',
      '@typescript-eslint/switch-exhaustiveness-check': 'off',
    },
  },
)
