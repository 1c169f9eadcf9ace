-- What each level of a grant may do. No role has a password.
CREATE ROLE orders_ro LOGIN;
CREATE ROLE orders_rw LOGIN;
CREATE DATABASE orders;
\connect orders
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item text NOT NULL);
GRANT SELECT ON orders TO orders_ro;
GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO orders_rw;
