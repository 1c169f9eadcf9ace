CREATE USER countersign_user;
-- The CN in the client cert must match the username
CREATE DATABASE countersign OWNER countersign_user;
