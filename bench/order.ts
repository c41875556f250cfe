/** What the parent asks. */
export interface Order {
  readonly id: number;
  readonly what: 'listen' | 'dial' | 'request' | 'cpu';
  readonly kind?: string;
  readonly port?: number;
  readonly count?: number;
  readonly from?: number;
}
