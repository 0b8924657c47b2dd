/** Modules are split as usual: relative imports, with their endings. */

enum Kind {
  Order = "Your order",
}

export function subjectOf(order: string): string {
  return `${Kind.Order} ${order}`;
}
