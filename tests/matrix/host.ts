/**
 * Where services listen. On Linux all of 127.0.0.0/8 is this machine: at an address of their own no connection that
 * somebody else opens meanwhile takes the port of a service that is restarted.
 */
export const HOST: string = process.platform === 'linux' ? '127.77.0.1' : '127.0.0.1';
