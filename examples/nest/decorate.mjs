/**
 * What `@a @b method()` does where there is no compiler for it.
 *
 * @param {Function} type
 * @param {string} name - of its method.
 * @param {MethodDecorator[]} decorators
 */
export function decorate(type, name, ...decorators) {
  const descriptor = Object.getOwnPropertyDescriptor(type.prototype, name);
  if (descriptor === undefined) throw new TypeError(`want a method, got ${name}`);
  for (const decorator of decorators.toReversed()) decorator(type.prototype, name, descriptor);
}
