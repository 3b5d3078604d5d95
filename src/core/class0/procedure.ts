/**
 * The procedure of class 0: what differs from one class to another once a connection is open.
 */
import type { ClassProcedure } from '../connection/connection.js';
import { SHORT_DT } from '../data-transfer/dt.js';
import { CLASS0_TABLE } from './table.js';

export const CLASS0: ClassProcedure = {
  tpClass: 0,
  table: CLASS0_TABLE,
  dt: SHORT_DT,
};
