mod authorities;
mod bounds;
mod leaves;
mod made;
mod revoked;
mod settled;
mod version1;
