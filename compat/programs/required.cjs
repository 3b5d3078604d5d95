/** For both.mjs: the package by `require`. */
'use strict';

const { Connection, connect, ProtocolError } = require('cotp');

exports.Connection = Connection;
exports.ProtocolError = ProtocolError;
exports.open = connect;
