/** Lint rules of this project, for `deno lint` and editors; `deno.json` names this file. */
import { FUNCTION_LINES_MAX } from "./gates/size_limits.ts";

type FunctionNode =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

/**
 * Functions longer than a screen. In a test file the functions inside of a function are not counted to it:
 * a test with many steps is as long as its steps, and each of those is measured by itself.
 */
const functionLength: Deno.lint.Rule = {
  create(context) {
    const isTest = context.filename.endsWith("_test.ts");
    const innerLines: number[] = [];
    const enter = () => void innerLines.push(0);
    const leave = (node: FunctionNode) => {
      const all = context.sourceCode.text.slice(...node.range).split("\n").length;
      const inner = innerLines.pop() ?? 0;
      const parent = innerLines.length - 1;
      if (parent >= 0) innerLines[parent] = (innerLines[parent] ?? 0) + all;
      const lines = isTest ? all - inner : all;
      if (lines <= FUNCTION_LINES_MAX) return;
      context.report({
        node,
        message: `This function has ${lines} lines; ${FUNCTION_LINES_MAX} at most.`,
        hint: "Take out the parts that have a name of their own.",
      });
    };
    return {
      FunctionDeclaration: enter,
      FunctionExpression: enter,
      ArrowFunctionExpression: enter,
      "FunctionDeclaration:exit": leave,
      "FunctionExpression:exit": leave,
      "ArrowFunctionExpression:exit": leave,
    };
  },
};

const plugin: Deno.lint.Plugin = { name: "fillbase", rules: { "function-length": functionLength } };
export default plugin;
