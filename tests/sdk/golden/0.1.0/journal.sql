BEGIN TRANSACTION;
CREATE TABLE ab_outbox (
	id INTEGER NOT NULL, 
	"key" VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	run_id INTEGER, 
	payload TEXT NOT NULL, 
	state VARCHAR NOT NULL, 
	not_before FLOAT, 
	note TEXT, 
	raw BLOB, 
	tx_hash VARCHAR, 
	result TEXT, 
	error TEXT, 
	attempts INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE ("key")
);
INSERT INTO "ab_outbox" VALUES(1,'call:golden','call',7,'{"value": 1}','pending',NULL,NULL,NULL,NULL,NULL,NULL,0);
CREATE INDEX ix_ab_outbox_state ON ab_outbox (state);
COMMIT;
