/** Lint rules of this project, for `deno lint` and editors; `deno.json` names this file. */
import { FUNCTION_LINES_MAX } from "./gates/size_limits.ts";

type FunctionNode =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

/**
 * Functions longer than a screen. Callbacks given to `describe`-like calls would count as functions too;
 * the project has none, its tests are flat.
 */
const functionLength: Deno.lint.Rule = {
  create(context) {
    const text = context.sourceCode.text;
    const measure = (node: FunctionNode) => {
      const [start, end] = node.range;
      const lines = text.slice(start, end).split("\n").length;
      if (lines <= FUNCTION_LINES_MAX) return;
      context.report({
        node,
        message: `This function has ${lines} lines; ${FUNCTION_LINES_MAX} at most.`,
        hint: "Take out the parts that have a name of their own.",
      });
    };
    return { FunctionDeclaration: measure, FunctionExpression: measure, ArrowFunctionExpression: measure };
  },
};

const plugin: Deno.lint.Plugin = { name: "fillbase", rules: { "function-length": functionLength } };
export default plugin;
