/** What to do with messages, by their type; those of other types are for somebody else. */
export type Handlers<Message extends { readonly type: string }> = {
  readonly [Type in Message['type']]?: (message: Extract<Message, { readonly type: Type }>) => void;
};

/** Gives `message` to its handler, if it has one. */
export function dispatch<Message extends { readonly type: string }>(
  handlers: Handlers<Message>,
  message: Message,
): void {
  const handler = handlers[message.type as Message['type']] as ((message: Message) => void) | undefined;
  handler?.(message);
}
