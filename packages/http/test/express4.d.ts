/** The line before the current one, installed under another name. */
declare module 'express4' {
  import express from 'express';

  // oxlint-disable-next-line import/no-default-export
  export default express;
}
