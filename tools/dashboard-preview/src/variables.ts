import type { ScopedVars } from '@grafana/data';

import type { Variable } from './dashboard';
import { labelValues, queryOnce } from './prometheus';

const ALL = '$__all';

/** A variable with what is chosen. */
export interface Chosen {
  label: string;
  text: string;
  /** Undefined where All is chosen. */
  values?: string[];
  allValue: string;
  /** Whether the value stands in a regular expression. */
  regex: boolean;
  shown: boolean;
}

export type Choices = Map<string, Chosen>;

/** What a variable offers; the text is shown, the value queried. */
interface Option {
  text: string;
  value: string;
}

/** Chains the variables: the query of each may name those before it. */
export async function choose(list: Variable[], given: Map<string, string[]>): Promise<Choices> {
  const choices: Choices = new Map();
  for (const variable of list) {
    const chosen = await optionsChosen(variable, given.get(variable.name), choices);
    choices.set(variable.name, {
      label: variable.hide === 1 ? '' : (variable.label ?? variable.name),
      text: chosen ? chosen.map((option) => option.text).join(' + ') : allText(variable),
      values: chosen?.map((option) => option.value),
      allValue: variable.allValue || '.*',
      regex: Boolean(variable.multi || variable.includeAll),
      shown: variable.hide !== 2,
    });
  }
  return choices;
}

function allText(variable: Variable): string {
  const text = [variable.current?.text ?? []].flat()[0];
  return text || 'All';
}

/** Undefined is All. */
async function optionsChosen(
  variable: Variable,
  given: string[] | undefined,
  choices: Choices,
): Promise<Option[] | undefined> {
  if (variable.type === 'datasource') {
    return [{ text: 'Prometheus', value: 'prometheus' }];
  }
  const stored = [variable.current?.value ?? []].flat().filter((value) => value !== '');
  const wanted = given ?? stored;
  if (wanted.includes(ALL) || (wanted.length === 0 && variable.includeAll)) {
    return undefined;
  }
  const options = await optionsOf(variable, choices);
  if (wanted.length === 0) {
    return options.slice(0, 1);
  }
  return wanted.map(
    (value) => options.find((option) => option.value === value) ?? { text: value, value },
  );
}

async function optionsOf(variable: Variable, choices: Choices): Promise<Option[]> {
  const query = typeof variable.query === 'string' ? variable.query : (variable.query?.query ?? '');
  const texts =
    variable.type === 'query'
      ? await answersTo(interpolate(query, choices).trim())
      : query.split(',').map((option) => option.trim());
  return texts.map((text) => narrowed(text, variable.regex)).filter((one) => one !== undefined);
}

async function answersTo(query: string): Promise<string[]> {
  const labels = /^label_values\((?:(.+),)?\s*(\w+)\s*\)$/s.exec(query);
  if (labels) {
    return labelValues(labels[1], labels[2]);
  }
  const result = /^query_result\((.+)\)$/s.exec(query);
  const series = result ? await queryOnce(result[1]) : [];
  return series.map(({ metric, value }) => {
    const pairs = Object.entries(metric).map(([label, text]) => `${label}="${text}"`);
    return `{${pairs.join(',')}} ${value[1]} ${value[0] * 1000}`;
  });
}

/** Grafana's rule: groups named text and value, else the first group, else the whole. */
function narrowed(text: string, regex: string | undefined): Option | undefined {
  if (!regex) {
    return { text, value: text };
  }
  const [, pattern, flags] = /^\/(.*)\/(\w*)$/s.exec(regex) ?? ['', `^(?:${regex})$`, ''];
  const found = [...text.matchAll(new RegExp(pattern, flags.includes('g') ? flags : `${flags}g`))];
  if (found.length === 0) {
    return undefined;
  }
  const group = (name: string) =>
    found.map((match) => match.groups?.[name]).find((part) => part !== undefined);
  const value = group('value') ?? group('text') ?? found[0][1] ?? found[0][0];
  return { text: group('text') ?? value, value };
}

/** Replaces `$name`, `${name}` and `${name:format}`; `extra` are Grafana's own, such as `__range`. */
export function interpolate(text: string, choices: Choices, extra: Record<string, string> = {}): string {
  return text.replace(/\$(?:(\w+)|\{(\w+)(?::(\w+))?\})/g, (whole, plain, braced, format) => {
    const name: string = plain ?? braced;
    const chosen = choices.get(name);
    return extra[name] ?? (chosen ? render(chosen, format) : whole);
  });
}

function render(chosen: Chosen, format: string | undefined): string {
  if (chosen.values === undefined) {
    return chosen.allValue;
  }
  if (!chosen.regex || format === 'raw') {
    return chosen.values.join(',');
  }
  // One backslash for the regular expression, one for the PromQL string that it stands in.
  const escaped = chosen.values.map((value) => value.replace(/[\\^$.*+?()[\]{}|]/g, '\\\\$&'));
  return escaped.length === 1 ? escaped[0] : `(${escaped.join('|')})`;
}

/** For titles and links: shows what is chosen rather than what is queried. */
export function interpolateForPeople(text: string, choices: Choices, scoped: ScopedVars = {}): string {
  return text.replace(/\$(?:(\w+)|\{(\w+)(?::\w+)?\})/g, (whole, plain, braced) => {
    const name: string = plain ?? braced;
    return choices.get(name)?.text ?? scoped[name]?.text ?? whole;
  });
}
