mod authorities;
mod bounds;
mod leaves;
mod made;
mod version1;
