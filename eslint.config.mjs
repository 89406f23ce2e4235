// Five rules that need types, and one on errors, that Biome does not have; everything else is Biome's.
import tseslint from "typescript-eslint";

export default [
  { ignores: ["**/dist/", "build/", "node_modules/"] },
  {
    files: ["{src,test,bench,recipes,examples}/**/*.ts", "page/**/*.{ts,tsx}", "vitest.config.ts"],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { project: ["tsconfig.json", "page/tsconfig.json"], tsconfigRootDir: import.meta.dirname },
    },
    plugins: { "@typescript-eslint": tseslint.plugin },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/no-unnecessary-condition": [
        "error",
        { allowConstantLoopConditions: "only-allowed-literals" },
      ],
      "@typescript-eslint/only-throw-error": "error",
    },
  },
  {
    files: ["src/**/*.ts"],
    languageOptions: { parser: tseslint.parser },
    rules: {
      "no-restricted-syntax": [
        "error",
        {
          selector: "NewExpression[callee.name=/^(Error|TypeError|RangeError)$/]",
          message: "Throw one of src/errors.ts' kind, with code, path, expected, actual and remedy.",
        },
      ],
    },
  },
];
